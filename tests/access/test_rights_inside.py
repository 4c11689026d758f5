"""Whoever loses their rights after the guard let them pass changes nothing: every operation that changes anything."""

import pytest
from bson import ObjectId

from rollbook.access.principal import COMMAND_LINE, SYSTEM
from rollbook.kit.transactions import in_transaction
from rollbook.services import DOCUMENTS
from rollbook.users.schemas import UserPatch
from tests.access import matrix

PUBLIC = {"login", "refresh"}
"""They carry credentials of their own, which the database checks in the write itself."""


def disable(services, stored, user_id):
    services.users.change_user(user_id, UserPatch(is_active=False), actor=COMMAND_LINE)


def demote(services, stored, user_id):
    services.users.change_user(user_id, UserPatch(role="user"), actor=COMMAND_LINE)


def delete(services, stored, user_id):
    services.deletion.delete_user(user_id, actor=COMMAND_LINE)


def sign_out(services, stored, user_id):
    services.users.end_sessions(user_id, actor=COMMAND_LINE)


REVOCATIONS = {disable: 401, demote: 403, delete: 401, sign_out: 401}


def snapshot(stored, besides):
    kept = {document._get_collection_name() for document in DOCUMENTS} - {"audit", "locks", "idempotency"}
    return {name: [row for row in stored[name].find().sort("_id") if row["_id"] != besides] for name in kept}


def changed_without_rights(app, services, stored, revoke):
    """The operations that someone whose rights ended just now could carry out, or are told another status of."""
    world = matrix.World(app, services, stored)
    authenticate = app.extensions["rollbook.authenticate"]
    found = {}

    def authenticate_then_revoke():
        principal = authenticate()
        if principal.user_id and not found:
            revoke(services, stored, principal.user_id)
            found["caller"] = ObjectId(principal.user_id)
            found["before"] = snapshot(stored, found["caller"])
        return principal

    tried = [route for route in matrix.routes(app) if route.method != "GET" and route.operation not in PUBLIC]
    assert len(tried) > 12
    wrong = []
    for route in tried:
        app.extensions["rollbook.authenticate"] = authenticate_then_revoke
        found.clear()
        status = world.tried(route, "admin", "other" if route.has_target else None)
        app.extensions["rollbook.authenticate"] = authenticate
        if status != REVOCATIONS[revoke] or snapshot(stored, found["caller"]) != found["before"]:
            wrong.append(route.operation)
    return wrong


@pytest.mark.parametrize("revoke", REVOCATIONS)
def test_rights_lost_after_the_guard_change_nothing(make_app, services, stored, revoke):
    wrong = changed_without_rights(make_app(auth_required=True), services, stored, revoke)
    assert wrong == [], "their use cases have to call in_transaction(…, actor=actor)"


def test_a_use_case_that_trusts_the_guard_is_caught(make_app, services, stored, monkeypatch):
    def careless(work, *, actor, **rest):
        return in_transaction(work, actor=SYSTEM, **rest)

    monkeypatch.setattr("rollbook.roles.service.in_transaction", careless)
    wrong = changed_without_rights(make_app(auth_required=True), services, stored, disable)
    assert set(wrong) == {"create_role", "put_role", "delete_role"}
