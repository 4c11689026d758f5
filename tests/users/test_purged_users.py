"""A purge leaves no document with the id of the user, in any collection."""

from dataclasses import replace
from typing import Any

import pytest
from bson import ObjectId
from mongoengine import ObjectIdField

from rollbook.access.principal import COMMAND_LINE
from rollbook.database_parts import DOCUMENTS
from rollbook.idempotency.dao import IdempotencyDAO
from rollbook.kit.events import Events
from rollbook.services import build_services
from rollbook.users.events import UserDeleted, UserPurged
from tests.access import matrix

KEEPS_IDS = {
    "audit": "who did what and when outlives the user",
    "locks": "a shard expires within the hour",
}
LEFT_OUT = {"logout", "restore_user", "reset_password", "POST /account/reset"}
LEFT_OUT |= {"undo_email", "POST /account/undo"}
"""They end the session, or are not for users."""
HANDLE_PURGE = (
    "handle the event in the package of the collection: in feature.py, "
    "handlers={UserPurged: <a function that deletes the user's documents>}"
)


def contains(value: Any, user_id: ObjectId) -> bool:
    """Does a stored value hold the id, as an ObjectId or within a text?"""
    if isinstance(value, dict):
        return any(contains(part, user_id) for part in [*value.keys(), *value.values()])
    if isinstance(value, list):
        return any(contains(part, user_id) for part in value)
    if isinstance(value, bytes):
        return str(user_id).encode() in value
    return value == user_id or (isinstance(value, str) and str(user_id) in value)


def find_collections_with(stored, user_id):
    """The collections that hold the id of the user."""
    names = [document._get_collection_name() for document in DOCUMENTS]
    return {name for name in names if any(contains(row, user_id) for row in stored[name].find())}


@pytest.fixture
def active_user(make_app, services, stored):
    """An admin who has carried out every operation of the route table that they may."""
    app = make_app(**matrix.EVERYTHING_ON)
    world = matrix.World(app, services, stored)
    user, _ = world.create_people("admin", "own")
    for number, route in enumerate(matrix.list_mutations(app)):
        if route.method in ("POST", "PATCH") and route.operation not in LEFT_OUT:
            key = {"Idempotency-Key": str(number)} if route.method == "POST" else {}
            path = world.fill_path(route.path, user)
            body = world.build_body(route, user)
            sent = {"json": body} if body else {}
            world.client.open(path, method=route.method, headers=user.headers | key, **sent)
    user.patch("/api/users/me", json={"phone": "+442079460958"})
    user.post("/api/users/me/restore", headers={"Idempotency-Key": "restore"})
    return ObjectId(user.id)


def list_referring_collections():
    """The collections of documents with a field for the id of another document."""
    return {
        document._get_collection_name()
        for document in DOCUMENTS
        for name, field in document._fields.items()
        if isinstance(field, ObjectIdField) and name != "id"
    }


def find_left_behind(services, stored, user_id):
    services.deletion.purge_user(str(user_id), actor=COMMAND_LINE)
    return find_collections_with(stored, user_id) - KEEPS_IDS.keys()


def test_purge_removes_the_id_from_every_collection(active_user, services, stored):
    before = find_collections_with(stored, active_user)
    assert before >= {"users", "sessions", "audit"} | list_referring_collections()
    assert find_left_behind(services, stored, active_user) == set(), HANDLE_PURGE


def test_collection_that_keeps_the_id_is_found(active_user, services, stored, monkeypatch):
    stored.idempotency.update_many({}, {"$set": {"about": str(active_user)}})
    monkeypatch.setattr(IdempotencyDAO, "delete_about", lambda *_: None)
    assert find_left_behind(services, stored, active_user) == {"idempotency"}


def test_deletion_and_purge_publish_events(settings, services, active_user, stored):
    seen = []
    events = Events([{UserDeleted: seen.append}, {UserPurged: seen.append}])
    deletion = replace(services.deletion, events=events)
    deletion.delete_user(str(active_user), actor=COMMAND_LINE)
    deletion.purge_user(str(active_user), actor=COMMAND_LINE)
    deleted, purged = seen
    assert (deleted.user.pk, deleted.user.is_deleted) == (active_user, True)
    assert purged == UserPurged(deleted.user)


def test_failing_handler_aborts_the_purge(settings, active_user, stored):
    def fail(event):
        raise RuntimeError("the handler failed")

    services = build_services(settings)
    events = Events([{UserPurged: fail}])
    deletion = replace(services.deletion, events=events)
    with pytest.raises(RuntimeError):
        deletion.purge_user(str(active_user), actor=COMMAND_LINE)
    assert stored.users.count_documents({"_id": active_user}) == 1
    assert stored.audit.count_documents({"action": "user.purged"}) == 0
