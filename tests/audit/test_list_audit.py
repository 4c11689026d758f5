"""The audit log and the history of one user, over HTTP."""

import pytest
from bson import ObjectId

from rollbook.access.permissions import Permission
from rollbook.access.principal import COMMAND_LINE
from rollbook.roles.schemas import RoleCreate
from tests import people
from tests.conftest import ADA, PASSWORD


@pytest.fixture
def admin(guarded, services, stored):
    return people.person(services, guarded, "admin", role="admin")


@pytest.fixture
def ada(guarded, services, stored):
    return people.person(services, guarded, "ada")


def get_actions(response):
    assert response.status_code == 200, response.json
    return [entry["action"] for entry in response.json["data"]]


def test_entry_has_actor_target_changes_and_origin(admin, ada):
    headers = {"X-Request-ID": "request-7", "User-Agent": "a client"}
    admin.patch(f"/api/users/{ada.id}", json={"name": "Countess"}, headers=headers)
    response = admin.get(f"/api/audit?user={ada.id}&action=user.updated")
    entry = response.json["data"][0]
    assert entry | {"id": None, "at": None} == {
        **dict.fromkeys(("id", "at")),
        "action": "user.updated",
        "actor": {"type": "user", "id": admin.id},
        "target": {"type": "user", "id": ada.id},
        "version": 2,
        "changes": {"name": {"before": "Ada", "after": "Countess"}},
        "ip": "127.0.0.1",
        "user_agent": "a client",
        "request_id": "request-7",
        "redacted": False,
    }
    assert entry["at"].endswith("Z")
    assert response.json["pagination"] == {
        **dict.fromkeys(("page", "total_items", "total_pages", "next_cursor")),
        "page_size": 20,
        "has_next": False,
        "has_previous": False,
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("user={ada}&action=user.*", ["user.updated", "user.created"]),
        ("user={ADA}&action=user.updated", ["user.updated"]),
        ("actor={admin}&action=user.*", ["user.updated"]),
        ("actor={ada}&user={ada}", ["auth.login_succeeded"]),
        ("action=role.*", []),
        ("user={ada}&since=2100-01-01T00:00:00Z", []),
        ("user={ada}&action=user.*&until=2100-01-01T00:00:00Z", ["user.updated", "user.created"]),
        ("user=" + "0" * 24, []),
    ],
)
def test_audit_log_can_be_filtered(admin, ada, query, expected):
    admin.patch(f"/api/users/{ada.id}", json={"name": "Countess"})
    path = "/api/audit?" + query.format(ada=ada.id, ADA=ada.id.upper(), admin=admin.id)
    assert get_actions(admin.get(path)) == expected


@pytest.mark.parametrize(
    "query",
    [
        "page=1",
        "user=ada@example.com",
        "user=me",
        "actor=x",
        "action=user",
        "action=*",
        "action=user.updated*",
        "since=0001-01-01T00:00:00%2B14:00",
        "until=9999-12-31T23:59:59-14:00",
        "since=2026-11-20T23:59:60Z",
        "since=yesterday",
        "until=1",
        "sort=at",
        "page_size=0",
        "cursor=x",
        "action[$ne]=x",
        "q=x",
    ],
)
def test_invalid_audit_filter_returns_400(admin, query):
    assert admin.get(f"/api/audit?{query}").status_code == 400


def test_cursor_visits_every_entry_once_during_writes(admin, ada):
    for number in range(7):
        admin.patch(f"/api/users/{ada.id}", json={"name": f"Ada {number}"})
    names, path = [], f"/api/audit?user={ada.id}&action=user.updated&page_size=2"
    while path:
        response = admin.get(path)
        names += [entry["changes"]["name"]["after"] for entry in response.json["data"]]
        admin.patch(f"/api/users/{ada.id}", json={"name": f"Late {len(names)}"})
        links = dict(
            reversed(link[1:].split('>; rel="')) for link in response.headers["Link"].split(", ")
        )
        path = links.get('next"')
    assert names == [f"Ada {number}" for number in reversed(range(7))]


def test_user_without_audit_read_sees_own_entries(admin, ada, guarded):
    people.sign_in(guarded, "ada@example.com", "not the password")
    admin.patch(
        f"/api/users/{ada.id}", json={"name": "Countess"}, headers={"User-Agent": "the admin's"}
    )
    admin.post("/api/users", json=ADA | {"email": "other@example.com"})
    ada.get("/api/users")
    entries = ada.get("/api/audit").json["data"]
    assert [entry["action"] for entry in entries] == [
        "access.refused",
        "user.updated",
        "auth.login_failed",
        "auth.login_succeeded",
        "user.created",
    ]
    refused, updated, failed, *_ = entries
    assert refused["target"] == {"type": "operation", "id": "list_users"}
    assert updated["changes"]["name"]["after"] == "Countess"
    assert [updated[name] for name in ("ip", "user_agent", "request_id")] == [None, None, None]
    assert failed["ip"] == "127.0.0.1"
    assert ada.get(f"/api/audit?user={admin.id}").json["data"] == []
    assert len(admin.get("/api/audit?page_size=100").json["data"]) > len(entries)


def test_audit_log_without_a_token_returns_401(guarded, stored):
    assert guarded.get("/api/audit").status_code == 401


def test_no_endpoint_changes_an_entry(admin, stored):
    for method in ("post", "put", "patch", "delete"):
        for path in ("/api/audit", f"/api/audit/{ObjectId()}"):
            assert getattr(admin, method)(path).status_code in (404, 405)
    assert not {permission for permission in Permission if permission.startswith("audit:")} - {
        Permission.AUDIT_READ
    }


def test_refused_access_of_a_known_user_is_audited(ada, guarded, stored):
    stored.audit.delete_many({})
    ada.delete("/api/users/someone@example.com")
    ada.patch("/api/users/me", json={"role": "admin"})
    ada.get("/api/users?include_deleted=true")
    ada.head("/api/roles")
    guarded.get("/api/users")
    entries = list(stored.audit.find().sort("_id", 1))
    assert [entry["action"] for entry in entries] == ["access.refused"] * 4
    assert [entry["target_id"] for entry in entries] == [
        "delete_user",
        "change_user",
        "list_users",
        "list_roles",
    ]
    assert {entry["actor_id"] for entry in entries} == {ada.id}
    assert "someone@example.com" not in str(entries)


def test_wrong_current_password_writes_one_entry(ada, stored):
    stored.audit.delete_many({})
    body = {"email": "new@example.com", "current_password": "not the password"}
    assert ada.patch("/api/users/me", json=body).status_code == 403
    assert [entry["action"] for entry in stored.audit.find()] == ["auth.password_refused"]


def test_history_lists_every_change_newest_first(admin, ada):
    ada.patch("/api/users/me", json={"phone": "+442079460958"})
    admin.patch(f"/api/users/{ada.id}", json={"name": "Countess", "phone": None})
    ada.patch(
        "/api/users/me", json={"password": "another row of words", "current_password": PASSWORD}
    )
    entries = ada.get("/api/users/me/history").json["data"]
    assert [(entry["version"], entry["action"]) for entry in entries] == [
        (4, "user.password_changed"),
        (3, "user.updated"),
        (2, "user.updated"),
        (1, "user.created"),
    ]
    assert entries[0]["changes"] == {"password": {"before": None, "after": None}}
    assert entries[1]["changes"] == {
        "name": {"before": "Ada", "after": "Countess"},
        "phone": {"before": "+442079460958", "after": None},
    }
    first = admin.get(f"/api/users/{ada.email}/history?page_size=3").json
    rest = admin.get(
        f"/api/users/{ada.email}/history?cursor={first['pagination']['next_cursor']}"
    ).json
    assert [entry["version"] for entry in first["data"] + rest["data"]] == [4, 3, 2, 1]


def test_history_outlives_its_user(admin, ada):
    path = f"/api/users/{ada.id}/history"
    admin.delete(f"/api/users/{ada.id}")
    assert get_actions(admin.get(path)) == ["user.deleted", "user.created"]
    assert get_actions(admin.get(f"/api/users/{ada.email}/history")) == [
        "user.deleted",
        "user.created",
    ]
    admin.delete(f"/api/users/{ada.id}?purge=true")
    assert get_actions(admin.get(path)) == ["user.purged", "user.deleted", "user.created"]
    assert admin.get(f"/api/users/{ada.email}/history").status_code == 404
    assert admin.get(f"/api/users/{ObjectId()}/history").status_code == 404


def test_history_of_any_other_user_returns_403(admin, ada, services):
    services.roles.create_role(
        RoleCreate(name="reader", permissions=[Permission.USERS_READ]), actor=COMMAND_LINE
    )
    admin.patch(f"/api/users/{ada.id}", json={"role": "reader"})
    for ref in (admin.id, admin.email, ObjectId(), "nobody"):
        assert ada.get(f"/api/users/{ref}/history").status_code == 403


def test_every_successful_change_writes_one_entry(admin, ada, guarded, stored):
    """Every kind of change over HTTP, with its action in the audit log."""
    path = (
        "/api/users/"
        + admin.post("/api/users", json=ADA | {"email": "b@example.com"}).json["data"]["id"]
    )
    refresh = {"refresh_token": ada.signed_in["refresh_token"]}
    for action, step in [
        ("user.updated", lambda: admin.patch(path, json={"name": "B"})),
        ("user.updated", lambda: admin.put(path, json={"is_active": False})),
        ("user.updated", lambda: admin.patch(path, json={"is_active": True})),
        (
            "user.password_changed",
            lambda: admin.patch(path, json={"password": "another row of words"}),
        ),
        ("user.deleted", lambda: admin.delete(path)),
        ("user.restored", lambda: admin.post(f"{path}/restore")),
        (
            "auth.login_failed",
            lambda: people.sign_in(guarded, "b@example.com", "wrong words entirely"),
        ),
        (
            "auth.login_succeeded",
            lambda: people.sign_in(guarded, "b@example.com", "another row of words"),
        ),
        ("session.all_ended", lambda: admin.delete(f"{path}/sessions")),
        ("session.refreshed", lambda: guarded.post("/api/auth/refresh", json=refresh)),
        ("session.ended", lambda: ada.post("/api/auth/logout")),
        (
            "role.created",
            lambda: admin.post("/api/roles", json={"name": "spare", "permissions": []}),
        ),
        ("role.updated", lambda: admin.put("/api/roles/spare", json={"description": "New."})),
        ("role.deleted", lambda: admin.delete("/api/roles/spare")),
        ("user.purged", lambda: admin.delete(f"{path}?purge=true")),
    ]:
        before = stored.audit.count_documents({})
        step()
        assert stored.audit.count_documents({}) == before + 1, action
        assert stored.audit.find_one(sort=[("_id", -1)])["action"] == action
