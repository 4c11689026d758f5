"""Delete, restore and purge users."""

import pytest
from bson import ObjectId

from rollbook.access.permissions import Permission
from rollbook.access.principal import COMMAND_LINE
from rollbook.roles.schemas import RoleCreate
from rollbook.users import deletion
from tests import people
from tests.conftest import ADA, PASSWORD

FULL = ADA | {"username": "ada", "phone": "+442079460958"}


def get_error_code(response):
    return response.json["error"]["code"]


def list_actions(stored, id):
    return [entry["action"] for entry in stored.audit.find({"target_id": id}).sort("_id", 1)]


@pytest.fixture
def deleted_user(client):
    user = client.post("/api/users", json=FULL).json["data"]
    assert client.delete(f"/api/users/{user['id']}").status_code == 204
    return user


def test_deleted_user_is_hidden_from_every_request(client, deleted_user):
    for ref in (deleted_user["id"], deleted_user["email"], deleted_user["username"]):
        for response in (
            client.get(f"/api/users/{ref}"),
            client.patch(f"/api/users/{ref}", json={"name": "X"}),
            client.put(f"/api/users/{ref}", json={"name": "X"}),
            client.delete(f"/api/users/{ref}"),
            client.get(f"/api/users/{ref}/sessions"),
            client.delete(f"/api/users/{ref}/sessions"),
        ):
            assert (response.status_code, get_error_code(response)) == (404, "user_not_found")
    for query in (
        "",
        "?q=ada",
        "?email=ada@example.com",
        "?username=ada",
        "?role=user",
        "?is_active=true",
    ):
        assert client.get(f"/api/users{query}").json["data"] == []
    assert (
        client.post(
            "/api/auth/login", json={"email": deleted_user["email"], "password": PASSWORD}
        ).status_code
        == 401
    )


def test_restored_user_keeps_every_field_and_the_password(client, deleted_user, stored):
    response = client.post(f"/api/users/{deleted_user['id']}/restore")
    assert response.status_code == 200
    assert response.json["data"] == deleted_user | {
        "version": 3,
        "updated_at": response.json["data"]["updated_at"],
    }
    assert response.headers["ETag"] == '"3"'
    assert list_actions(stored, deleted_user["id"]) == [
        "user.created",
        "user.deleted",
        "user.restored",
    ]
    assert (
        client.post(
            "/api/auth/login", json={"email": deleted_user["email"], "password": PASSWORD}
        ).status_code
        == 200
    )


# The steps, their statuses, and how many users are active and stored in total at the end.
CREATE, DELETE, RESTORE, PURGE = "create", "delete", "restore", "purge"
SEQUENCES = [
    ([CREATE, DELETE, CREATE], [201, 204, 201], 1, 2),
    ([CREATE, DELETE, RESTORE], [201, 204, 200], 1, 1),
    ([CREATE, DELETE, CREATE, RESTORE], [201, 204, 201, 409], 1, 2),
    ([CREATE, DELETE, RESTORE, CREATE], [201, 204, 200, 409], 1, 1),
    ([CREATE, DELETE, CREATE, DELETE, RESTORE], [201, 204, 201, 204, 409], 0, 2),
    ([CREATE, DELETE, CREATE, DELETE, RESTORE, CREATE], [201, 204, 201, 204, 409, 201], 1, 3),
    ([CREATE, RESTORE], [201, 409], 1, 1),
    ([CREATE, DELETE, DELETE], [201, 204, 404], 0, 1),
    ([CREATE, DELETE, RESTORE, RESTORE], [201, 204, 200, 409], 1, 1),
    ([CREATE, PURGE], [201, 204], 0, 0),
    ([CREATE, PURGE, RESTORE], [201, 204, 404], 0, 0),
    ([CREATE, PURGE, CREATE], [201, 204, 201], 1, 1),
    ([CREATE, DELETE, PURGE, RESTORE], [201, 204, 404, 200], 1, 1),
    ([CREATE, PURGE, PURGE], [201, 204, 404], 0, 0),
    ([CREATE, DELETE, CREATE, PURGE, RESTORE], [201, 204, 201, 204, 200], 1, 1),
    ([DELETE, RESTORE, PURGE], [404, 404, 404], 0, 0),
]


@pytest.mark.parametrize("spelling", ["email", "username"])
@pytest.mark.parametrize(("steps", "statuses", "active", "total"), SEQUENCES)
def test_create_delete_restore_and_purge_in_any_order(
    client, stored, steps, statuses, active, total, spelling
):
    ref = {"email": "ADA@example.com", "username": "Ada"}[spelling]
    other = {"email": {"username": None}, "username": {"email": "ada{}@example.com"}}[spelling]

    def run_step(number, step):
        overrides = {key: value.format(number) if value else value for key, value in other.items()}
        return {
            CREATE: lambda: client.post("/api/users", json=FULL | overrides),
            DELETE: lambda: client.delete(f"/api/users/{ref}"),
            PURGE: lambda: client.delete(f"/api/users/{ref}?purge=true"),
            RESTORE: lambda: client.post(f"/api/users/{ref}/restore"),
        }[step]()

    responses = [run_step(number, step) for number, step in enumerate(steps)]
    assert [response.status_code for response in responses] == statuses
    if statuses[-1] == 409:
        assert get_error_code(responses[-1]) in {
            f"{spelling}_taken",
            "not_deleted",
            "several_deleted",
        }
    assert client.get("/api/users").json["pagination"]["total_items"] == active
    assert stored.users.count_documents({"is_deleted": False}) == active
    assert stored.users.count_documents({}) == total
    successes = [response for response in responses if response.status_code < 300]
    assert stored.audit.count_documents({}) == len(successes)


def test_ambiguous_restore_returns_409_with_the_ids(client, deleted_user, stored):
    """Otherwise someone could register a freed address and be restored in place of its owner."""
    second = client.post("/api/users", json=FULL).json["data"]
    client.delete(f"/api/users/{second['id']}")
    for path in (
        f"/api/users/{deleted_user['email']}/restore",
        f"/api/users/{deleted_user['username']}/restore",
    ):
        response = client.post(path)
        assert (response.status_code, get_error_code(response)) == (409, "several_deleted")
        assert [each["message"] for each in response.json["error"]["details"]] == [
            deleted_user["id"],
            second["id"],
        ]
    assert (
        get_error_code(client.get(f"/api/users/{deleted_user['email']}/history"))
        == "several_deleted"
    )
    assert client.post(f"/api/users/{deleted_user['id']}/restore").status_code == 200


def test_purge_keeps_only_the_audit_entries(client, deleted_user, stored):
    response = client.delete(
        f"/api/users/{deleted_user['id']}?purge=true", headers={"Prefer": "return=representation"}
    )
    assert (response.status_code, response.json["data"]["version"]) == (200, 2)
    assert list_actions(stored, deleted_user["id"]) == [
        "user.created",
        "user.deleted",
        "user.purged",
    ]
    purged = stored.audit.find_one({"action": "user.purged"})
    assert purged["changes"]["role"] == {"before": "user", "after": None}
    assert not any("hash" in field or "key" in field for field in purged["changes"])


def test_purge_redacts_personal_values_in_the_audit_log(guarded, services, stored):
    """It keeps who did what and when, and leaves the entries of other users unchanged."""
    admin = people.person(services, guarded, "admin", role="admin")
    ada = people.person(services, guarded, "ada", last_name="Lovelace", phone="+442079460958")
    other = people.person(services, guarded, "bob")
    ada.patch("/api/users/me", json={"name": "Countess of Lovelace", "last_name": None})
    admin.patch(f"/api/users/{ada.id}", json={"username": "lovelace", "role": "moderator"})
    untouched = list(stored.audit.find({"target_id": other.id}))
    assert admin.delete(f"/api/users/{ada.id}?purge=true").status_code == 204
    everything = str([list(stored[name].find()) for name in stored.list_collection_names()])
    for value in ("Lovelace", "lovelace", "ada@example.com", "+442079460958", "Countess"):
        assert value not in everything
    assert list(stored.audit.find({"target_id": other.id})) == untouched
    entries = admin.get(f"/api/users/{ada.id}/history").json["data"]
    assert [entry["action"] for entry in entries] == [
        "user.purged",
        "user.updated",
        "user.updated",
        "user.created",
    ]
    assert all(entry["redacted"] for entry in entries)
    assert entries[1]["changes"] == {
        "username": {"before": None, "after": None},
        "role": {"before": "user", "after": "moderator"},
    }
    assert (entries[1]["actor"]["id"], entries[1]["ip"]) == (admin.id, "127.0.0.1")
    assert (entries[2]["actor"]["id"], entries[2]["ip"]) == (ada.id, None)


def test_purge_redacts_addresses_in_anonymous_entries(guarded, services, stored):
    admin = people.person(services, guarded, "admin", role="admin")
    ada = guarded.post("/api/users", json=FULL).json["data"]
    people.sign_in(guarded, FULL["email"], "a guess")
    assert (
        stored.audit.count_documents(
            {"target_id": ada["id"], "actor_type": "anonymous", "ip": "127.0.0.1"}
        )
        == 2
    )
    assert admin.delete(f"/api/users/{ada['id']}?purge=true").status_code == 204
    entries = list(stored.audit.find({"target_id": ada["id"], "actor_type": "anonymous"}))
    assert [entry.get("ip") or entry.get("user_agent") for entry in entries] == [None, None]


def test_purge_redacts_a_long_audit_log_in_batches(guarded, services, stored, monkeypatch):
    monkeypatch.setattr(deletion, "MAX_REDACTED_AT_ONCE", 10)
    ada = people.person(services, guarded, "ada")
    entry = stored.audit.find_one({"action": "auth.login_succeeded"})
    del entry["_id"]
    stored.audit.insert_many([dict(entry) for _ in range(95)])
    services.deletion.purge_user(ada.id, actor=COMMAND_LINE)
    assert stored.audit.count_documents({"actor_id": ada.id, "ip": {"$exists": True}}) == 0
    assert stored.audit.count_documents({"actor_id": ada.id, "redacted": True}) == 96


def test_purge_by_email_spares_the_previous_owner(client, deleted_user, stored):
    assert client.post("/api/users", json=FULL).status_code == 201
    path = f"/api/users/{deleted_user['email']}?purge=true"
    assert [client.delete(path).status_code for _ in range(2)] == [204, 404]
    assert client.post(f"/api/users/{deleted_user['id']}/restore").status_code == 200


def test_idempotency_key_does_not_replay_a_purged_user(client, stored):
    key = {"Idempotency-Key": "once"}
    path = client.post("/api/users", json=FULL, headers=key).headers["Location"]
    client.delete(f"{path}?purge=true")
    assert stored.idempotency.count_documents({}) == 0
    assert client.post("/api/users", json=FULL, headers=key).headers["Location"] != path


def test_delete_permission_does_not_reveal_the_user(guarded, services, stored):
    services.roles.create_role(
        RoleCreate(name="deleter", permissions=[Permission.USERS_DELETE]), actor=COMMAND_LINE
    )
    deleter, user = (
        people.person(services, guarded, "deleter", role="deleter"),
        people.add(services, "user"),
    )
    prefer = {"Prefer": "return=representation"}
    assert deleter.delete(f"/api/users/{user['id']}", headers=prefer).status_code == 204
    assert deleter.delete("/api/users/me", headers=prefer).status_code == 200


def test_purge_permission_covers_only_deleted_users(guarded, services, stored):
    services.roles.create_role(
        RoleCreate(name="purger", permissions=[Permission.USERS_PURGE]), actor=COMMAND_LINE
    )
    purger, user = (
        people.person(services, guarded, "purger", role="purger"),
        people.add(services, "user"),
    )
    response = purger.delete(f"/api/users/{user['id']}?purge=true")
    assert (response.status_code, "users:delete" in response.json["message"]) == (403, True)
    services.deletion.delete_user(user["id"], actor=COMMAND_LINE)
    assert purger.delete(f"/api/users/{user['id']}?purge=true").status_code == 204


def test_moderator_cannot_act_on_a_more_powerful_user(guarded, services, stored):
    strong = [Permission.USERS_UPDATE, Permission.ROLES_WRITE]
    services.roles.create_role(RoleCreate(name="strong", permissions=strong), actor=COMMAND_LINE)
    moderator = people.person(services, guarded, "moderator", role="moderator")
    user = people.add(services, "user", role="strong")
    for response in (
        moderator.patch(f"/api/users/{user['id']}", json={"is_active": False}),
        moderator.delete(f"/api/users/{user['id']}/sessions"),
    ):
        assert (response.status_code, "roles:write" in response.json["message"]) == (403, True)
    equal = people.add(services, "equal", role="moderator")
    assert (
        moderator.patch(f"/api/users/{equal['id']}", json={"is_active": False}).status_code == 200
    )


def test_deleting_own_account_ends_every_session(guarded, services, stored):
    ada = people.person(services, guarded, "ada")
    again = people.sign_in(guarded, "ada@example.com").json["data"]
    assert ada.delete("/api/users/me").status_code == 204
    assert stored.sessions.count_documents({}) == 0
    assert ada.get("/api/auth/me").status_code == 401
    assert (
        guarded.post(
            "/api/auth/refresh", json={"refresh_token": again["refresh_token"]}
        ).status_code
        == 401
    )


def test_last_admin_cannot_be_deleted_or_purged(guarded, services, stored):
    admin = people.person(services, guarded, "admin", role="admin")
    for query in ("", "?purge=true"):
        response = admin.delete(f"/api/users/me{query}")
        assert (response.status_code, get_error_code(response)) == (409, "last_admin")
    assert stored.users.count_documents({"is_deleted": False}) == 1


def test_restore_requires_the_permissions_of_the_role(guarded, services, stored):
    people.add(services, "first", role="admin")
    services.roles.create_role(
        RoleCreate(name="keeper", permissions=[Permission.USERS_RESTORE]), actor=COMMAND_LINE
    )
    keeper = people.person(services, guarded, "keeper", role="keeper")
    statuses = {}
    for role in ("user", "moderator", "admin"):
        user = people.add(services, f"gone-{role}", role=role)
        services.deletion.delete_user(user["id"], actor=COMMAND_LINE)
        statuses[role] = keeper.post(f"/api/users/{user['id']}/restore").status_code
    assert statuses == {"user": 200, "moderator": 403, "admin": 403}


def test_role_of_a_deleted_user_cannot_be_deleted(client, services, stored):
    services.roles.create_role(RoleCreate(name="keeper", permissions=[]), actor=COMMAND_LINE)
    user = client.post("/api/users", json=ADA | {"role": "keeper"}).json["data"]
    client.delete(f"/api/users/{user['id']}")
    assert get_error_code(client.delete("/api/roles/keeper")) == "role_in_use"
    client.delete(f"/api/users/{user['id']}?purge=true")
    assert client.delete("/api/roles/keeper").status_code == 204


def test_restore_or_purge_of_an_unknown_id_returns_404(client, stored):
    path = f"/api/users/{ObjectId()}"
    for response in (client.post(f"{path}/restore"), client.delete(f"{path}?purge=true")):
        assert (response.status_code, get_error_code(response)) == (404, "user_not_found")
