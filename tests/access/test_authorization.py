"""The authorisation matrix: every route by who calls by whose it is. The contract is the table below, not the code."""

import os
from pathlib import Path

import pytest

from tests.access import matrix

PAGE = Path(__file__).parents[2] / "docs" / "authorization.md"

PUBLIC = dict.fromkeys(matrix.CALLERS, "yes")
SIGNED_IN = PUBLIC | {"anonymous": "who"}
MODERATORS = SIGNED_IN | {"user": "no"}
ADMINS = MODERATORS | {"moderator": "no"}

EXPECTED = {
    "ping": {None: PUBLIC},
    "health": {None: PUBLIC},
    "ready": {None: PUBLIC},
    "read_jwks": {None: PUBLIC},
    "/openapi.json": {None: PUBLIC},
    "/docs": {None: PUBLIC},
    "read_password_policy": {None: PUBLIC},
    "login": {None: PUBLIC},
    "refresh": {None: PUBLIC},
    "logout": {None: SIGNED_IN},
    "read_me": {None: SIGNED_IN},
    "list_sessions": {None: SIGNED_IN},
    "end_other_sessions": {None: SIGNED_IN},
    "end_session": {"own": SIGNED_IN, "other": SIGNED_IN | dict.fromkeys(matrix.CALLERS[1:], "unknown")},
    "create_user": {None: PUBLIC},
    "list_users": {None: MODERATORS},
    "read_user": {"own": SIGNED_IN, "other": MODERATORS, "admin": MODERATORS},
    "change_user": {"own": SIGNED_IN, "other": MODERATORS, "admin": ADMINS},
    "update_user": {"own": SIGNED_IN, "other": MODERATORS, "admin": ADMINS},
    "delete_user": {"own": SIGNED_IN, "other": ADMINS, "admin": ADMINS},
    "list_deleted_users": {None: ADMINS},
    "purge_user": {"own": ADMINS, "other": ADMINS, "admin": ADMINS},
    "restore_user": {"own": ADMINS | {"admin": "409"}, "other": ADMINS, "admin": ADMINS},
    "list_user_history": {"own": SIGNED_IN, "other": ADMINS, "admin": ADMINS},
    "list_audit": {None: SIGNED_IN},
    "list_user_sessions": {"own": SIGNED_IN, "other": MODERATORS, "admin": MODERATORS},
    "end_user_sessions": {"own": SIGNED_IN, "other": MODERATORS, "admin": ADMINS},
    "create_role": {None: ADMINS},
    "list_roles": {None: MODERATORS},
    "read_role": {None: MODERATORS},
    "put_role": {None: ADMINS},
    "delete_role": {None: ADMINS},
}
EXPECTED["end_session"]["admin"] = EXPECTED["end_session"]["other"]

OWN_ONLY = {"own": SIGNED_IN, "other": MODERATORS, "admin": ADMINS}
SECRET = {"own": SIGNED_IN, "other": ADMINS, "admin": ADMINS}
EXPECTED_FIELDS = {
    "name": OWN_ONLY,
    "username": OWN_ONLY,
    "phone": OWN_ONLY,
    "email": SECRET,
    "password": SECRET,
    "is_active": {"own": MODERATORS, "other": MODERATORS, "admin": ADMINS},
    "role": {"own": ADMINS, "other": ADMINS, "admin": ADMINS},
}


def meaning(status: int) -> str:
    return {401: "who", 403: "no", 404: "unknown"}.get(status, "yes" if status < 300 else str(status))


@pytest.fixture
def world(make_app, services, stored):
    app = make_app(auth_required=True)
    return matrix.World(app, services, stored), matrix.routes(app)


def test_every_cell_of_the_matrix_is_as_agreed_and_published(world):
    world, routes = world
    assert {route.operation for route in routes} == EXPECTED.keys()
    by_route, by_field, wrong = {}, {}, []
    for route, caller, target in matrix.cells(routes):
        status = world.tried(route, caller, target)
        by_route.setdefault((route, target), {})[caller] = status
        if meaning(status) != EXPECTED[route.operation][target][caller]:
            wrong.append((route.method, route.rule, target, caller, status))
    for field, agreed in EXPECTED_FIELDS.items():
        for target in matrix.TARGETS:
            for caller in matrix.CALLERS[target == "own" :]:
                status = world.tried_field(field, caller, target)
                by_field.setdefault((field, target), {})[caller] = status
                if meaning(status) != agreed[target][caller]:
                    wrong.append((field, target, caller, status))
    assert wrong == []
    assert sum(map(len, by_route.values())) + sum(map(len, by_field.values())) > 200
    written = matrix.page(by_route, by_field)
    if os.environ.get("WRITE_AUTHORIZATION"):
        PAGE.write_text(written)
    assert PAGE.read_text() == written
