"""Guards: authentication first, then permissions, then the request itself."""

import re

import pytest

from rollbook.access.permissions import EVERYTHING, Permission
from rollbook.access.principal import ActorKind, Principal
from rollbook.web.extensions import AUTHENTICATE
from tests.access import matrix
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
        app.extensions[AUTHENTICATE] = lambda: principal
        return app.test_client()

    return become


@pytest.mark.parametrize(("method", "path", "permission"), CALLS)
def test_operation_needs_its_permission(as_caller, method, path, permission):
    sent = {"json": {}} if method in ("patch", "put") else {}
    anonymous = getattr(as_caller(NOBODY), method)(path, **sent)
    assert anonymous.status_code == 401
    assert anonymous.headers["WWW-Authenticate"].startswith("Bearer")
    without = Principal(ActorKind.USER, ID, EVERYTHING - {permission})
    assert getattr(as_caller(without), method)(path, **sent).status_code == 403
    assert getattr(as_caller(ALL), method)(path, **sent).status_code not in (401, 403)


def test_permission_is_checked_before_the_body(as_caller):
    assert as_caller(READER).post("/api/roles", data=b"{").status_code == 403


@pytest.mark.parametrize("caller", ["invalid token", "no token"])
def test_authentication_comes_before_validation(make_app, stored, caller):
    """For every operation that takes a token and a body, whatever is wrong with the body."""
    app = make_app(auth_required=True)
    client = app.test_client()
    headers = {"Authorization": "Bearer invalid"} if caller == "invalid token" else {}
    checked = 0
    for route in matrix.list_mutations(app):
        access = route.access
        if access is None or route.body is None:
            continue
        if access.public and not (access.permission and headers):
            continue
        for body, media_type in ((b"{", "application/json"), (b"{}", "text/plain")):
            path = re.sub(r"\{\w+\}", "me", route.path)
            sent = headers | {"Content-Type": media_type}
            response = client.open(path, method=route.method, data=body, headers=sent)
            assert response.status_code == 401, (route.operation, body)
            checked += 1
    assert checked >= 8


def test_public_routes_need_no_user(as_caller):
    for path in ("/ping", "/health", "/ready", "/openapi.json", "/docs/", "/api/password-policy"):
        assert as_caller(NOBODY).get(path).status_code == 200


def test_audit_entry_names_the_caller(as_caller, stored):
    client = as_caller(ALL)
    client.post("/api/users", json=ADA)
    assert (stored.audit.find_one()["actor_type"], stored.audit.find_one()["actor_id"]) == (
        "user",
        ID,
    )
    assert client.get("/api/users/me").status_code == 404
