"""Permissions of one's own: created, given to roles, shown to other services, deleted."""

import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from rollbook.access.permissions import Permission
from tests import people
from tests.auth.test_forged_tokens import decode_parts

ORDERS = {"name": "orders:read", "description": "Reads the orders of everyone."}
SECRET = secrets.token_hex(32)


@pytest.fixture
def client(make_app, stored):
    return make_app(
        auth_required=True, token_claims="permissions", trusted_clients=f"shop:{SECRET}"
    ).test_client()


@pytest.fixture
def admin(services, client):
    return people.person(services, client, "root", role="admin")


@pytest.fixture
def orders(admin):
    created = admin.post("/api/permissions", json=ORDERS)
    assert created.status_code == 201
    assert created.headers["Location"] == "/api/permissions/orders:read"
    return created.json["data"]


def test_permission_is_given_to_a_role_and_shown(admin, orders, services, client):
    assert admin.get("/api/permissions").json["data"] == [orders]
    role = {"name": "clerk", "permissions": ["orders:read", "users:list"]}
    assert admin.post("/api/roles", json=role).status_code == 201
    clerk = people.person(services, client, "clerk", role="clerk")
    assert clerk.get("/api/auth/me").json["data"]["permissions"] == role["permissions"]
    token = people.sign_in(client, clerk.email).json["data"]["access_token"]
    assert decode_parts(token)[1]["permissions"] == role["permissions"]
    described = client.post(
        "/oauth/introspect",
        data=f"token={token}",
        content_type="application/x-www-form-urlencoded",
        auth=("shop", SECRET),
    )
    assert described.json["scope"] == "orders:read users:list"


def test_admin_holds_every_permission(admin, orders):
    assert "orders:read" in admin.get("/api/auth/me").json["data"]["permissions"]


def test_nobody_grants_what_they_do_not_hold(admin, orders, services, client):
    powers = ["roles:write", "roles:read", "users:create", "users:set_role"]
    assert admin.post("/api/roles", json={"name": "chief", "permissions": powers})
    chief = people.person(services, client, "chief", role="chief")
    role = {"name": "clerk", "permissions": ["orders:read"]}
    refused = chief.post("/api/roles", json=role)
    assert refused.status_code == 403
    assert "orders:read" in refused.json["message"]
    assert admin.post("/api/roles", json=role).status_code == 201
    new = {"email": "x@x.org", "password": "plenty of long words", "role": "clerk"}
    assert chief.post("/api/users", json=new).status_code == 403
    more = {"permissions": [*powers, "orders:read"]}
    assert admin.put("/api/roles/chief", json=more).status_code == 200
    assert chief.post("/api/users", json=new).status_code == 201


def test_only_an_admin_makes_somebody_admin(admin, orders, services, client):
    role = {"name": "ops", "permissions": sorted(Permission)}
    assert admin.post("/api/roles", json=role).status_code == 201
    ops = people.person(services, client, "ops", role="ops")
    ada = people.add(services, "ada")
    refused = ops.patch(f"/api/users/{ada['id']}", json={"role": "admin"})
    assert refused.status_code == 403
    assert "orders:read" in refused.json["message"]


def test_unknown_permission_cannot_be_given(admin):
    role = {"name": "clerk", "permissions": ["orders:read"]}
    response = admin.post("/api/roles", json=role)
    assert response.status_code == 400
    assert "create this permission first" in response.json["error"]["details"][0]["message"]


@pytest.mark.parametrize(
    "name",
    ["users:fly", "rollbook:x", "orders", "orders:", ":read", "Orders:read", "a:b:c", "a b:c"],
)
def test_reserved_or_malformed_name_returns_400(admin, name):
    response = admin.post("/api/permissions", json={"name": name})
    assert response.status_code == 400
    assert response.json["error"]["details"][0]["field"] == "name"


def test_taken_name_returns_409(admin, orders):
    taken = admin.post("/api/permissions", json=ORDERS)
    assert (taken.status_code, taken.json["error"]["code"]) == (409, "permission_taken")


def test_only_an_unused_permission_can_be_deleted(admin, orders, stored):
    role = {"name": "clerk", "permissions": ["orders:read"]}
    admin.post("/api/roles", json=role)
    refused = admin.delete("/api/permissions/orders:read")
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "permission_in_use")
    admin.put("/api/roles/clerk", json={"permissions": []})
    assert admin.delete("/api/permissions/orders:read").status_code == 204
    assert admin.delete("/api/permissions/orders:read").status_code == 404
    actions = [each["action"] for each in stored.audit.find({"target_type": "permission"})]
    assert actions == ["permission.created", "permission.deleted"]


def test_deletion_racing_a_grant_leaves_no_role_without_it(make_app, stored):
    app = make_app()
    for number in range(10):
        name, client = f"shop:n{number}", app.test_client()
        client.post("/api/permissions", json={"name": name})
        role = {"name": f"r{number}", "permissions": [name]}
        with ThreadPoolExecutor(2) as pool:
            granted = pool.submit(app.test_client().post, "/api/roles", json=role)
            deleted = pool.submit(app.test_client().delete, f"/api/permissions/{name}")
            statuses = (granted.result().status_code, deleted.result().status_code)
        assert statuses in ((201, 409), (400, 204))
