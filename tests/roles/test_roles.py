"""Roles: what their permissions allow, and who may grant them."""

import pytest

from rollbook.roles import built_in
from tests import people
from tests.conftest import PASSWORD
from tests.harness.serving import ROOT

SUPPORT = {
    "name": "support",
    "description": "Answers the telephone.",
    "permissions": ["users:read", "users:list"],
}


@pytest.fixture
def admin(services, guarded):
    return people.person(services, guarded, "admin", role="admin")


def test_three_built_in_roles_exist_from_the_start(admin):
    roles = {role["name"]: role for role in admin.get("/api/roles").json["data"]}
    assert list(roles) == ["admin", "moderator", "user"]
    assert set(roles["moderator"]["permissions"]) == {
        "users:list",
        "users:read",
        "users:update",
        "sessions:read",
        "sessions:revoke",
        "roles:read",
    }
    assert roles["user"]["permissions"] == []
    assert set(roles["admin"]["permissions"]) == set(built_in.EVERYTHING)
    assert all(role["built_in"] for role in roles.values())


def test_role_can_be_created_changed_assigned_and_deleted(admin, services, guarded, stored):
    created = admin.post("/api/roles", json=SUPPORT)
    assert created.status_code == 201
    assert created.headers["Location"] == "/api/roles/support"
    assert created.json["data"]["permissions"] == ["users:list", "users:read"]
    helper = people.person(services, guarded, "helper", role="support")
    assert helper.get(f"/api/users/{admin.id}").status_code == 200
    assert helper.get("/api/auth/me").json["data"]["permissions"] == ["users:list", "users:read"]
    changed = admin.put("/api/roles/support", json={"permissions": ["users:list"]}).json["data"]
    assert (changed["version"], changed["description"]) == (2, SUPPORT["description"])
    assert helper.get(f"/api/users/{admin.id}").status_code == 403
    assert (
        admin.put("/api/roles/support", json={"permissions": ["users:list"]}).json["data"][
            "version"
        ]
        == 2
    )
    in_use = admin.delete("/api/roles/support")
    assert (in_use.status_code, in_use.json["error"]["code"]) == (409, "role_in_use")
    assert admin.patch(f"/api/users/{helper.id}", json={"role": "user"}).status_code == 200
    assert admin.delete("/api/roles/support").status_code == 204
    assert admin.get("/api/roles/support").status_code == 404
    actions = [
        entry["action"] for entry in stored.audit.find({"target_type": "role"}, sort=[("at", 1)])
    ]
    assert actions == ["role.created", "role.updated", "role.deleted"]


@pytest.mark.parametrize("name", ["user", "moderator", "admin"])
def test_built_in_role_cannot_be_deleted(admin, name):
    response = admin.delete(f"/api/roles/{name}")
    assert (response.status_code, response.json["error"]["code"]) == (409, "role_built_in")


def test_only_the_admin_role_has_fixed_permissions(admin, services, guarded):
    assert (
        admin.put("/api/roles/admin", json={"permissions": []}).json["error"]["code"]
        == "role_built_in"
    )
    moderator = people.person(services, guarded, "mod", role="moderator")
    assert (
        admin.put("/api/roles/moderator", json={"permissions": ["users:list"]}).status_code == 200
    )
    assert moderator.get("/api/users").status_code == 200
    assert moderator.get("/api/roles").status_code == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "Support"}, "name"),
        ({"name": "a b"}, "name"),
        ({"name": "x" * 51}, "name"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"permissions": ["users:everything"]}, "permissions.0"),
        ({"permissions": "users:list"}, "permissions"),
        ({"permissions": [1]}, "permissions.0"),
        ({"permissions": ["users:list"] * 601}, "permissions"),
        ({"description": "x" * 201}, "description"),
        ({"description": "a\0b"}, "description"),
        ({"description": "a\u202eb"}, "description"),
        ({"built_in": True}, "built_in"),
    ],
)
def test_invalid_role_returns_400_with_its_field(admin, body, field):
    response = admin.post("/api/roles", json=SUPPORT | body)
    assert response.status_code == 400
    detail = response.json["error"]["details"][0]
    assert detail["field"] == field
    assert f"`{detail['code']}`" in (ROOT / "docs" / "errors.md").read_text()
    assert "nput should" not in detail["message"]


def test_taken_role_name_returns_409(admin):
    assert (
        admin.post("/api/roles", json=SUPPORT | {"name": "user"}).json["error"]["code"]
        == "role_taken"
    )


def test_unknown_role_cannot_be_assigned(admin, services, guarded):
    user = people.add(services, "ada")
    response = admin.patch(f"/api/users/{user['id']}", json={"role": "nothing"})
    assert (response.status_code, response.json["error"]["code"]) == (400, "unknown_role")
    new = {
        "name": "New",
        "email": "new@example.com",
        "password": "plenty of words",
        "role": "nothing",
    }
    assert admin.post("/api/users", json=new).json["error"]["code"] == "unknown_role"


@pytest.fixture
def manager(admin, services, guarded):
    """Sets roles, credentials and the permissions of roles, but holds few other permissions."""
    powers = [
        "users:read",
        "users:update",
        "users:set_role",
        "users:set_credentials",
        "roles:write",
        "roles:read",
    ]
    assert (
        admin.post("/api/roles", json={"name": "manager", "permissions": powers}).status_code == 201
    )
    return people.person(services, guarded, "manager", role="manager")


def test_user_cannot_grant_permissions_they_lack(manager, admin, services, guarded):
    user = people.add(services, "ada")
    path = f"/api/users/{user['id']}"
    for role in ("admin", "moderator"):
        assert manager.patch(path, json={"role": role}).status_code == 403, role
    assert manager.patch(path, json={"role": "manager"}).status_code == 200
    assert manager.patch(path, json={"role": "user"}).status_code == 200
    assert (
        manager.post(
            "/api/roles", json={"name": "mine", "permissions": ["users:delete"]}
        ).status_code
        == 403
    )
    assert (
        manager.post("/api/roles", json={"name": "mine", "permissions": ["users:read"]}).status_code
        == 201
    )
    assert (
        manager.put("/api/roles/manager", json={"permissions": ["users:delete"]}).status_code == 403
    )
    assert manager.put("/api/roles/user", json={"permissions": ["users:delete"]}).status_code == 403
    assert (
        manager.put("/api/roles/moderator", json={"permissions": ["users:read"]}).status_code == 403
    )


def test_user_cannot_take_over_a_more_powerful_user(manager, admin, services, guarded):
    moderator = people.add(services, "mod", role="moderator")
    user = people.add(services, "ada")
    for field, value in (
        ("password", "another row of words"),
        ("email", "new@example.com"),
        ("role", "user"),
    ):
        assert (
            manager.patch(f"/api/users/{moderator['id']}", json={field: value}).status_code == 403
        ), field
        assert manager.patch(f"/api/users/{admin.id}", json={field: value}).status_code == 403, (
            field
        )
    correct_guess = manager.patch(f"/api/users/{moderator['id']}", json={"password": PASSWORD})
    assert correct_guess.status_code == 403, (
        "the response must not reveal that the guess is correct"
    )
    assert (
        manager.patch(
            f"/api/users/{user['id']}", json={"password": "another row of words"}
        ).status_code
        == 200
    )


def test_user_with_a_missing_role_has_no_permissions(admin, services, guarded, stored):
    user = people.person(services, guarded, "ada", role="moderator")
    stored.users.update_one({"username": "ada"}, {"$set": {"role": "vanished"}})
    assert user.get("/api/users").status_code == 403
    assert user.get("/api/auth/me").json["data"]["permissions"] == []


def test_unknown_stored_permission_is_ignored(admin, services, guarded, stored):
    stored.roles.update_one({"name": "moderator"}, {"$push": {"permissions": "users:teleport"}})
    moderator = people.person(services, guarded, "mod", role="moderator")
    assert moderator.get("/api/roles/moderator").status_code == 200
    assert "users:teleport" not in moderator.get("/api/auth/me").json["data"]["permissions"]


def test_role_with_all_permissions_is_not_admin(admin, services, guarded):
    everything = admin.get("/api/roles/admin").json["data"]["permissions"]
    assert (
        admin.post("/api/roles", json={"name": "almighty", "permissions": everything}).status_code
        == 201
    )
    almighty = people.person(services, guarded, "almighty", role="almighty")
    assert almighty.patch(f"/api/users/{admin.id}", json={"name": "Not Root"}).status_code == 403
    assert almighty.delete(f"/api/users/{admin.id}").status_code == 403
