"""Who gets past the guard."""

import pytest

from rollbook.access.permissions import EVERYTHING, Permission
from rollbook.access.principal import ActorKind, Principal
from tests.conftest import ADA

ID = "665f1c2ab8e4d90012a3b4c5"
OTHER = "665f1c2ab8e4d90012a3b4c6"
NOBODY = Principal(ActorKind.ANONYMOUS, None, frozenset())
READER = Principal(ActorKind.USER, ID, frozenset({Permission.USERS_READ}))
ALL = Principal(ActorKind.USER, ID, EVERYTHING)

CALLS = [
    ("get", "/api/users", Permission.USERS_LIST),
    ("get", f"/api/users/{OTHER}", Permission.USERS_READ),
    ("patch", f"/api/users/{OTHER}", Permission.USERS_UPDATE),
    ("put", f"/api/users/{OTHER}", Permission.USERS_UPDATE),
    ("delete", f"/api/users/{OTHER}", Permission.USERS_DELETE),
]


@pytest.fixture
def as_caller(make_app):
    def become(principal):
        app = make_app()
        app.extensions["rollbook.authenticate"] = lambda: principal
        return app.test_client()

    return become


@pytest.mark.parametrize(("method", "path", "permission"), CALLS)
def test_a_call_needs_its_permission(as_caller, method, path, permission):
    sent = {"json": {}} if method in ("patch", "put") else {}
    anonymous = getattr(as_caller(NOBODY), method)(path, **sent)
    assert anonymous.status_code == 401
    assert anonymous.headers["WWW-Authenticate"].startswith("Bearer")
    without = Principal(ActorKind.USER, ID, EVERYTHING - {permission})
    assert getattr(as_caller(without), method)(path, **sent).status_code == 403
    assert getattr(as_caller(ALL), method)(path, **sent).status_code not in (401, 403)


def test_the_guard_comes_before_the_body_is_looked_at(as_caller):
    assert as_caller(READER).post("/api/roles", data=b"{").status_code == 403


def test_what_is_public_is_open_to_nobody_in_particular(as_caller):
    for path in ("/ping", "/health", "/ready", "/openapi.json", "/docs/", "/api/password-policy"):
        assert as_caller(NOBODY).get(path).status_code == 200


def test_the_caller_is_on_record_and_me_is_the_caller(as_caller, stored):
    client = as_caller(ALL)
    client.post("/api/users", json=ADA)
    assert (stored.audit.find_one()["actor_type"], stored.audit.find_one()["actor_id"]) == ("user", ID)
    assert client.get("/api/users/me").status_code == 404
