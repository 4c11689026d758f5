"""A caller who loses their rights after the guard changes nothing, in any operation."""

from datetime import timedelta

import pytest
from bson import ObjectId

from rollbook.access.principal import COMMAND_LINE, SYSTEM
from rollbook.database_parts import DOCUMENTS
from rollbook.kit import clock
from rollbook.locks.dao import SHARDS, locks
from rollbook.storage import transactions
from rollbook.storage.transactions import in_transaction
from rollbook.users.schemas import UserPatch
from rollbook.web.extensions import AUTHENTICATE
from tests.access import matrix

pytestmark = pytest.mark.slow

PUBLIC = {
    "login",
    "refresh",
    "request_verification",
    "confirm_verification",
    "forget_password",
    "reset_password",
    "undo_email",
    "request_sign_in_link",
    "confirm_sign_in_link",
    "accept_invitation",
    "POST /account/invitation",
    "POST /account/link",
    "POST /account/undo",
    "POST /account/verify",
    "POST /account/reset",
}
"""They carry credentials of their own, which the database checks in the write itself."""


def disable(services, user_id):
    services.changes.change_user(user_id, UserPatch(is_active=False), actor=COMMAND_LINE)


def demote(services, user_id):
    services.changes.change_user(user_id, UserPatch(role="user"), actor=COMMAND_LINE)


def delete(services, user_id):
    services.deletion.delete_user(user_id, actor=COMMAND_LINE)


def sign_out(services, user_id):
    services.users.end_sessions(user_id, actor=COMMAND_LINE)


REVOCATIONS = {disable: 401, demote: 403, delete: 401, sign_out: 401}


def snapshot(stored, besides):
    names = {document._get_collection_name() for document in DOCUMENTS}
    names -= {"audit", "locks", "idempotency"}
    return {
        name: [row for row in stored[name].find().sort("_id") if row["_id"] != besides]
        for name in names
    }


def find_unsafe_operations(app, services, stored, revoke):
    """The operations that a caller without rights can still carry out."""
    world = matrix.World(app, services, stored)
    authenticate = app.extensions[AUTHENTICATE]
    found = {}

    def authenticate_then_revoke():
        principal = authenticate()
        if principal.user_id and not found:
            revoke(services, principal.user_id)
            found["caller"] = ObjectId(principal.user_id)
            found["before"] = snapshot(stored, found["caller"])
        return principal

    routes = [r for r in matrix.list_mutations(app) if r.operation not in PUBLIC]
    assert len(routes) > 12
    unsafe = []
    for route in routes:
        who, whom = world.create_people("admin", "other" if route.has_target else None)
        path = world.fill_path(route.path, whom)
        if route.operation == "restore_user":
            services.deletion.delete_user(whom.id, actor=COMMAND_LINE)
        found.clear()
        app.extensions[AUTHENTICATE] = authenticate_then_revoke
        status = world.send(who, route.method, path, world.build_body(route, whom))
        app.extensions[AUTHENTICATE] = authenticate
        unchanged = snapshot(stored, found["caller"]) == found["before"]
        if status != REVOCATIONS[revoke] or not unchanged:
            unsafe.append(route.operation)
    return unsafe


@pytest.mark.parametrize("revoke", REVOCATIONS)
def test_rights_lost_after_the_guard_change_nothing(make_app, services, stored, revoke):
    unsafe = find_unsafe_operations(make_app(**matrix.EVERYTHING_ON), services, stored, revoke)
    assert unsafe == [], "write inside a method with @transactional() and the caller as actor"


def test_operation_without_confirmation_is_found(make_app, services, stored, monkeypatch):
    in_transaction = transactions.in_transaction

    def skip_confirmation(work, *, actor, **rest):
        return in_transaction(work, actor=SYSTEM, **rest)

    monkeypatch.setattr(transactions, "in_transaction", skip_confirmation)
    app = make_app(**matrix.EVERYTHING_ON)
    unsafe = find_unsafe_operations(app, services, stored, disable)
    assert {"create_role", "put_role", "delete_role", "create_user"} <= set(unsafe)


def test_lock_that_a_wrong_clock_has_closed_is_open(stored):
    """MongoDB's clock was 40 days ahead when the lock was closed for a second."""
    closed = {"closed_until": clock.now() + timedelta(days=40), "used_at": clock.now()}
    stored.locks.insert_many([{"_id": f"user:x/{number}", **closed} for number in range(SHARDS)])
    in_transaction(lambda: locks.acquire_shared(["user:x"]), actor=SYSTEM, seconds=3)
    assert stored.locks.count_documents({"uses": 1}) == 1
