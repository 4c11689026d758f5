"""Users who go, those who come back, and those who go for good."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId

from rollbook.access.permissions import Permission
from rollbook.access.principal import COMMAND_LINE
from rollbook.kit import clock
from rollbook.kit.errors import Unavailable
from rollbook.roles.schemas import RoleCreate
from rollbook.services import services_of
from rollbook.users import deletion
from rollbook.users.deletion import DeletionService
from rollbook.users.retention import Retention
from tests import people
from tests.conftest import ADA, PASSWORD

FULL = ADA | {"username": "ada", "phone": "+442079460958"}


def code(answer):
    return answer.json["error"]["code"]


def actions(stored, id):
    return [entry["action"] for entry in stored.audit.find({"target_id": id}).sort("_id", 1)]


@pytest.fixture
def gone(client):
    user = client.post("/api/users", json=FULL).json["data"]
    assert client.delete(f"/api/users/{user['id']}").status_code == 204
    return user


def test_a_deleted_user_is_gone_from_every_read(client, gone):
    for ref in (gone["id"], gone["email"], gone["username"]):
        for answer in (
            client.get(f"/api/users/{ref}"),
            client.patch(f"/api/users/{ref}", json={"name": "X"}),
            client.put(f"/api/users/{ref}", json={"name": "X"}),
            client.delete(f"/api/users/{ref}"),
            client.get(f"/api/users/{ref}/sessions"),
            client.delete(f"/api/users/{ref}/sessions"),
        ):
            assert (answer.status_code, code(answer)) == (404, "user_not_found")
    for query in ("", "?q=ada", "?email=ada@example.com", "?username=ada", "?role=user", "?is_active=true"):
        assert client.get(f"/api/users{query}").json["data"] == []
    assert client.post("/api/auth/login", json={"email": gone["email"], "password": PASSWORD}).status_code == 401


def test_restoring_brings_back_all_of_it_with_the_password(client, gone, stored):
    answer = client.post(f"/api/users/{gone['id']}/restore")
    assert answer.status_code == 200
    assert answer.json["data"] == gone | {"version": 3, "updated_at": answer.json["data"]["updated_at"]}
    assert answer.headers["ETag"] == '"3"'
    assert actions(stored, gone["id"]) == ["user.created", "user.deleted", "user.restored"]
    assert client.post("/api/auth/login", json={"email": gone["email"], "password": PASSWORD}).status_code == 200


# What happens to Ada, in order; what it answers; who is there in the end, and how many are kept.
CREATE, DELETE, RESTORE, PURGE = "create", "delete", "restore", "purge"
ORDERS = [
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
@pytest.mark.parametrize(("orders", "statuses", "there", "kept"), ORDERS)
def test_every_order_of_comings_and_goings(client, stored, orders, statuses, there, kept, spelling):
    ref = {"email": "ADA@example.com", "username": "Ada"}[spelling]
    other = {"email": {"username": None}, "username": {"email": "ada{}@example.com"}}[spelling]

    def take(number, step):
        own = {key: value.format(number) if value else value for key, value in other.items()}
        return {
            CREATE: lambda: client.post("/api/users", json=FULL | own),
            DELETE: lambda: client.delete(f"/api/users/{ref}"),
            PURGE: lambda: client.delete(f"/api/users/{ref}?purge=true"),
            RESTORE: lambda: client.post(f"/api/users/{ref}/restore"),
        }[step]()

    answers = [take(number, step) for number, step in enumerate(orders)]
    assert [answer.status_code for answer in answers] == statuses
    if statuses[-1] == 409:
        assert code(answers[-1]) in {f"{spelling}_taken", "not_deleted", "several_deleted"}
    assert client.get("/api/users").json["pagination"]["total_items"] == there
    assert stored.users.count_documents({"is_deleted": False}) == there
    assert stored.users.count_documents({}) == kept
    changes = [answer for answer in answers if answer.status_code < 300]
    assert stored.audit.count_documents({}) == len(changes)


def test_of_several_deleted_ones_none_is_restored_in_place_of_another(client, gone, stored):
    """Whoever takes an address that became free and deletes themselves is not revived in the owner's place."""
    second = client.post("/api/users", json=FULL).json["data"]
    client.delete(f"/api/users/{second['id']}")
    for path in (f"/api/users/{gone['email']}/restore", f"/api/users/{gone['username']}/restore"):
        answer = client.post(path)
        assert (answer.status_code, code(answer)) == (409, "several_deleted")
        assert [each["message"] for each in answer.json["error"]["details"]] == [gone["id"], second["id"]]
    assert code(client.get(f"/api/users/{gone['email']}/history")) == "several_deleted"
    assert client.post(f"/api/users/{gone['id']}/restore").status_code == 200


def test_what_was_purged_leaves_its_record_and_nothing_else(client, gone, stored):
    answer = client.delete(f"/api/users/{gone['id']}?purge=true", headers={"Prefer": "return=representation"})
    assert (answer.status_code, answer.json["data"]["version"]) == (200, 2)
    assert actions(stored, gone["id"]) == ["user.created", "user.deleted", "user.purged"]
    purged = stored.audit.find_one({"action": "user.purged"})
    assert purged["changes"]["role"] == {"before": "user", "after": None}
    assert not any("hash" in field or "key" in field for field in purged["changes"])


def test_a_purge_takes_personal_values_out_of_every_entry_and_leaves_the_rest(guarded, services, stored):
    """Who did what and when stays; no other user's entries are touched."""
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
    assert [entry["action"] for entry in entries] == ["user.purged", "user.updated", "user.updated", "user.created"]
    assert all(entry["redacted"] for entry in entries)
    assert entries[1]["changes"] == {
        "username": {"before": None, "after": None},
        "role": {"before": "user", "after": "moderator"},
    }
    assert (entries[1]["actor"]["id"], entries[1]["ip"]) == (admin.id, "127.0.0.1")
    assert (entries[2]["actor"]["id"], entries[2]["ip"]) == (ada.id, None)


def test_a_purge_forgets_from_where_someone_registered_or_failed_to_sign_in(guarded, services, stored):
    admin = people.person(services, guarded, "admin", role="admin")
    ada = guarded.post("/api/users", json=FULL).json["data"]
    people.sign_in(guarded, FULL["email"], "a guess")
    assert stored.audit.count_documents({"target_id": ada["id"], "actor_type": "anonymous", "ip": "127.0.0.1"}) == 2
    assert admin.delete(f"/api/users/{ada['id']}?purge=true").status_code == 204
    about = list(stored.audit.find({"target_id": ada["id"], "actor_type": "anonymous"}))
    assert [entry.get("ip") or entry.get("user_agent") for entry in about] == [None, None]


def test_someone_with_a_long_record_is_purged_in_pieces(guarded, services, stored, monkeypatch):
    monkeypatch.setattr(deletion, "MOST_AT_ONCE", 10)
    ada = people.person(services, guarded, "ada")
    entry = stored.audit.find_one({"action": "auth.login_succeeded"})
    del entry["_id"]
    stored.audit.insert_many([dict(entry) for _ in range(95)])
    services.deletion.purge_user(ada.id, actor=COMMAND_LINE)
    assert stored.audit.count_documents({"actor_id": ada.id, "ip": {"$exists": True}}) == 0
    assert stored.audit.count_documents({"actor_id": ada.id, "redacted": True}) == 96


def test_whoever_cannot_be_purged_keeps_nobody_else_from_it(gone, client, stored, later, monkeypatch):
    second = client.post("/api/users", json=FULL).json["data"]
    client.delete(f"/api/users/{second['id']}")
    purge = DeletionService.purge_expired

    def slow(self, id, **rest):
        if str(id) == gone["id"]:
            raise Unavailable
        return purge(self, id, **rest)

    monkeypatch.setattr(DeletionService, "purge_expired", slow)
    assert later(31).purge(actor=COMMAND_LINE) == 1
    assert [str(user["_id"]) for user in stored.users.find()] == [gone["id"]]


def test_a_purge_by_address_never_reaches_who_had_it_before(client, gone, stored):
    assert client.post("/api/users", json=FULL).status_code == 201
    path = f"/api/users/{gone['email']}?purge=true"
    assert [client.delete(path).status_code for _ in range(2)] == [204, 404]
    assert client.post(f"/api/users/{gone['id']}/restore").status_code == 200


def test_what_was_purged_is_not_answered_from_memory(client, stored):
    key = {"Idempotency-Key": "once"}
    path = client.post("/api/users", json=FULL, headers=key).headers["Location"]
    client.delete(f"{path}?purge=true")
    assert stored.idempotency.count_documents({}) == 0
    assert client.post("/api/users", json=FULL, headers=key).headers["Location"] != path


def test_who_may_delete_someone_does_not_read_them_by_that(guarded, services, stored):
    services.roles.create_role(RoleCreate(name="axe", permissions=[Permission.USERS_DELETE]), actor=COMMAND_LINE)
    axe, user = people.person(services, guarded, "axe", role="axe"), people.add(services, "user")
    prefer = {"Prefer": "return=representation"}
    assert axe.delete(f"/api/users/{user['id']}", headers=prefer).status_code == 204
    assert axe.delete("/api/users/me", headers=prefer).status_code == 200


def test_whoever_may_purge_alone_removes_only_who_is_deleted_already(guarded, services, stored):
    services.roles.create_role(RoleCreate(name="purger", permissions=[Permission.USERS_PURGE]), actor=COMMAND_LINE)
    purger, user = people.person(services, guarded, "purger", role="purger"), people.add(services, "user")
    refused = purger.delete(f"/api/users/{user['id']}?purge=true")
    assert (refused.status_code, "users:delete" in refused.json["message"]) == (403, True)
    services.deletion.delete_user(user["id"], actor=COMMAND_LINE)
    assert purger.delete(f"/api/users/{user['id']}?purge=true").status_code == 204


def test_nobody_disables_deletes_or_signs_out_who_may_do_more(guarded, services, stored):
    strong = [Permission.USERS_UPDATE, Permission.ROLES_WRITE]
    services.roles.create_role(RoleCreate(name="strong", permissions=strong), actor=COMMAND_LINE)
    moderator = people.person(services, guarded, "moderator", role="moderator")
    user = people.add(services, "user", role="strong")
    for answer in (
        moderator.patch(f"/api/users/{user['id']}", json={"is_active": False}),
        moderator.delete(f"/api/users/{user['id']}/sessions"),
    ):
        assert (answer.status_code, "roles:write" in answer.json["message"]) == (403, True)
    equal = people.add(services, "equal", role="moderator")
    assert moderator.patch(f"/api/users/{equal['id']}", json={"is_active": False}).status_code == 200


def test_deleting_oneself_ends_every_session_at_once(guarded, services, stored):
    ada = people.person(services, guarded, "ada")
    again = people.sign_in(guarded, "ada@example.com").json["data"]
    assert ada.delete("/api/users/me").status_code == 204
    assert stored.sessions.count_documents({}) == 0
    assert ada.get("/api/auth/me").status_code == 401
    assert guarded.post("/api/auth/refresh", json={"refresh_token": again["refresh_token"]}).status_code == 401


def test_the_last_admin_is_neither_deleted_nor_purged(guarded, services, stored):
    admin = people.person(services, guarded, "admin", role="admin")
    for query in ("", "?purge=true"):
        answer = admin.delete(f"/api/users/me{query}")
        assert (answer.status_code, code(answer)) == (409, "last_admin")
    assert stored.users.count_documents({"is_deleted": False}) == 1


def test_nobody_restores_more_than_they_may_grant(guarded, services, stored):
    people.add(services, "first", role="admin")
    services.roles.create_role(RoleCreate(name="keeper", permissions=[Permission.USERS_RESTORE]), actor=COMMAND_LINE)
    keeper = people.person(services, guarded, "keeper", role="keeper")
    statuses = {}
    for role in ("user", "moderator", "admin"):
        user = people.add(services, f"gone-{role}", role=role)
        services.deletion.delete_user(user["id"], actor=COMMAND_LINE)
        statuses[role] = keeper.post(f"/api/users/{user['id']}/restore").status_code
    assert statuses == {"user": 200, "moderator": 403, "admin": 403}


def test_a_role_that_a_deleted_user_had_stays(client, services, stored):
    services.roles.create_role(RoleCreate(name="keeper", permissions=[]), actor=COMMAND_LINE)
    user = client.post("/api/users", json=ADA | {"role": "keeper"}).json["data"]
    client.delete(f"/api/users/{user['id']}")
    assert code(client.delete("/api/roles/keeper")) == "role_in_use"
    client.delete(f"/api/users/{user['id']}?purge=true")
    assert client.delete("/api/roles/keeper").status_code == 204


def test_an_id_that_nobody_ever_had_is_404(client, stored):
    path = f"/api/users/{ObjectId()}"
    for answer in (client.post(f"{path}/restore"), client.delete(f"{path}?purge=true")):
        assert (answer.status_code, code(answer)) == (404, "user_not_found")


@pytest.fixture
def later(services):
    """Retention as it is in so many days."""

    def retention(days):
        time = lambda: clock.now() + timedelta(days=days)  # noqa: E731 - a clock
        deletion = replace(services.deletion, clock=time)
        return Retention(time, deletion, timedelta(days=30))

    return retention


def test_who_was_deleted_long_ago_is_purged_and_nobody_else(client, gone, stored, later):
    client.post("/api/users", json=FULL)
    assert later(29).purge(actor=COMMAND_LINE) == 0
    assert later(31).count() == 1
    assert later(31).purge(actor=COMMAND_LINE) == 1
    assert [user["is_deleted"] for user in stored.users.find()] == [False]
    assert actions(stored, gone["id"])[-1] == "user.purged"


def test_of_all_that_sweep_in_an_hour_one_does(gone, stored, later):
    assert [later(31).sweep() for _ in range(5)] == [1, None, None, None, None]
    stored.leases.update_one({}, {"$set": {"until": clock.now() - timedelta(seconds=1)}})
    assert later(32).sweep() == 0


def test_a_machine_whose_clock_is_wrong_neither_purges_nor_holds_the_sweep(settings, services, stored, monkeypatch):
    """40 days ahead, it removed someone who could still be restored, and kept all others from sweeping until then."""
    ahead = lambda: datetime.now(UTC) + timedelta(days=40)  # noqa: E731, TID251 - a clock
    monkeypatch.setattr(clock, "now", ahead)
    wrong = services_of(settings)
    user = wrong.users.create_user(people.new("ada"), actor=COMMAND_LINE)
    wrong.deletion.delete_user(str(user.pk), actor=COMMAND_LINE)
    assert abs(stored.users.find_one()["deleted_at"] - datetime.now(UTC)) < timedelta(minutes=1)  # noqa: TID251
    assert wrong.retention.sweep() == 0
    assert stored.leases.find_one()["until"] < datetime.now(UTC) + timedelta(hours=2)  # noqa: TID251
    assert services.deletion.restore_user(str(user.pk), actor=COMMAND_LINE).is_deleted is False


def test_a_sweep_that_fails_is_done_by_the_next(gone, stored, later, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError

    monkeypatch.setattr(DeletionService, "purge_expired", broken)
    with pytest.raises(RuntimeError):
        later(31).sweep()
    monkeypatch.undo()
    assert later(31).sweep() == 1
