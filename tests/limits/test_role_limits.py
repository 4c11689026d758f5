"""Limits of a role, and the permission that lifts the limits of requests."""

import pytest

from tests import people

LIMITED = {
    "auth_required": True,
    "ratelimit_enabled": True,
    "ratelimit_auth": "50/minute",
    "ratelimit_read": "2/hour",
    "ratelimit_write": "2/hour",
}


@pytest.fixture
def limited(make_app, stored):
    return make_app(**LIMITED).test_client()


@pytest.fixture
def admin(services, limited):
    return people.person(services, limited, "root", role="admin")


def count_reads(person, tries=6):
    return [person.get("/api/users/me").status_code for _ in range(tries)].count(200)


def test_admin_has_no_limit_of_reads_and_changes(admin):
    assert count_reads(admin) == 6
    roles = [admin.post("/api/roles", json={"name": f"r{n}", "permissions": []}) for n in range(4)]
    assert [role.status_code for role in roles] == [201] * 4
    assert "read" not in admin.get("/api/users/me").headers["RateLimit-Policy"]


def test_permission_lifts_the_limits(admin, services, limited):
    backend = {"name": "backend", "permissions": ["limits:exempt"]}
    assert admin.post("/api/roles", json=backend).status_code == 201
    assert count_reads(people.person(services, limited, "shop", role="backend")) == 6


def test_limits_of_a_role_replace_those_of_the_settings(admin, services, limited):
    role = {"name": "busy", "permissions": [], "limits": {"read": "4/hour"}}
    created = admin.post("/api/roles", json=role).json["data"]
    assert created["limits"] == {"read": "4/hour", "write": None}
    busy = people.person(services, limited, "busy", role="busy")
    assert count_reads(busy) == 4
    writes = [busy.patch("/api/users/me", json={"name": f"B {n}"}) for n in range(3)]
    assert [each.status_code for each in writes] == [200, 200, 429]
    changed = admin.put("/api/roles/busy", json={"limits": {"read": "6/hour", "write": "5/hour"}})
    assert changed.json["data"]["limits"] == {"read": "6/hour", "write": "5/hour"}
    assert count_reads(busy, 8) == 6
    reset = admin.put("/api/roles/busy", json={"limits": {"read": None, "write": None}})
    assert reset.json["data"]["limits"] == {"read": None, "write": None}
    (entry,) = admin.get("/api/audit?action=role.updated&page_size=1").json["data"]
    assert entry["changes"]["limits"]["after"] == {}


def test_limits_of_a_role_need_the_permission(admin, services, limited):
    powers = ["roles:write", "roles:read"]
    assert admin.post("/api/roles", json={"name": "chief", "permissions": powers})
    chief = people.person(services, limited, "chief", role="chief")
    role = {"name": "busy", "permissions": [], "limits": {"read": "4/hour"}}
    refused = chief.post("/api/roles", json=role)
    assert refused.status_code == 403
    assert "limits:exempt" in refused.json["message"]
    assert chief.post("/api/roles", json=role | {"limits": {}}).status_code == 201


@pytest.mark.parametrize("limit", ["", "many", "0/hour", "5/fortnight", 5, "1/hour;" * 20])
def test_invalid_limit_returns_400(admin, limit):
    role = {"name": "busy", "permissions": [], "limits": {"write": limit}}
    response = admin.post("/api/roles", json=role)
    assert response.status_code == 400
    assert response.json["error"]["details"][0]["field"] == "limits.write"
