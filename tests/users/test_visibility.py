"""A response contains a user only if the caller may read that user."""

import pytest

from rollbook.access.permissions import Permission
from rollbook.access.principal import COMMAND_LINE
from rollbook.roles.schemas import RoleCreate
from rollbook.users.resources import may_see
from rollbook.users.schemas import UserOut, UserPatch
from tests import people
from tests.conftest import ADA, PASSWORD

ALL_BUT_READING = [
    each for each in Permission if each not in (Permission.USERS_READ, Permission.USERS_LIST)
]


@pytest.fixture
def writer(guarded, services, stored):
    """A user with every permission except to read users."""
    services.roles.create_role(
        RoleCreate(name="writer", permissions=ALL_BUT_READING), actor=COMMAND_LINE
    )
    return people.person(services, guarded, "writer", role="writer")


@pytest.mark.parametrize("method", ["patch", "put"])
@pytest.mark.parametrize("body", [{}, {"phone": "+442079460958"}])
def test_change_does_not_return_an_unreadable_user(writer, services, method, body):
    user = people.add(services, "ada")
    response = getattr(writer, method)(f"/api/users/{user['id']}", json=body)
    assert (response.status_code, response.json["data"]) == (200, None)
    assert response.headers["ETag"] == ('"2"' if body else '"1"'), (
        "the ETag is enough for the next change"
    )


def test_other_writes_do_not_return_an_unreadable_user(writer, services):
    user = people.add(services, "ada")
    prefer = {"Prefer": "return=representation"}
    assert writer.delete(f"/api/users/{user['id']}", headers=prefer).status_code == 204
    assert writer.post(f"/api/users/{user['id']}/restore").json["data"] is None
    created = writer.post("/api/users", json=ADA | {"email": "new@example.com"})
    assert (created.status_code, created.json["data"]) == (201, None)
    assert writer.get(created.headers["Location"]).status_code == 403


def test_own_change_returns_the_user(writer):
    assert writer.patch("/api/users/me", json={"phone": None}).json["data"]["id"] == writer.id


def test_replay_omits_a_user_who_became_unreadable(guarded, services, stored):
    people.add(services, "first", role="admin")
    reader = people.person(services, guarded, "reader", role="admin")
    key = {"Idempotency-Key": "once"}
    assert reader.post("/api/users", json=ADA, headers=key).json["data"]["email"] == ADA["email"]
    assert reader.post("/api/users", json=ADA, headers=key).json["data"]["email"] == ADA["email"]
    services.changes.change_user(reader.id, UserPatch(role="user"), actor=COMMAND_LINE)
    replayed = reader.post("/api/users", json=ADA, headers=key)
    assert (replayed.status_code, replayed.headers["Idempotency-Replayed"]) == (201, "true")
    assert replayed.json["data"] is None


def test_registration_and_its_replay_return_the_user(guarded, services, stored):
    people.add(services, "first", role="admin")
    key, new = {"Idempotency-Key": "once"}, ADA | {"password": PASSWORD}
    for _ in range(2):
        assert (
            guarded.post("/api/users", json=new, headers=key).json["data"]["email"] == ADA["email"]
        )


BY_LINK = {"confirm_verification", "accept_invitation"}
"""The caller has a link that only the user gets."""


def list_unchecked_operations(views) -> list[str]:
    """Operations that return one user without `may_see`."""
    methods = [getattr(view, method.lower()) for view in views for method in view.methods]
    declared = [getattr(method, "declaration", None) for method in methods]
    about_users = [each for each in declared if each and not each.many and each.returns is UserOut]
    unchecked = [each.operation for each in about_users if each.is_visible is not may_see]
    return [each for each in unchecked if each not in BY_LINK]


def test_operations_that_return_a_user_check_visibility(make_app):
    views = {getattr(view, "view_class", None) for view in make_app().view_functions.values()} - {
        None
    }
    assert list_unchecked_operations(views) == [], "add is_visible=may_see to their @endpoint"


def test_operation_without_the_check_is_detected():
    from flask_restful import Resource

    from rollbook.web.endpoints import endpoint

    class Unchecked(Resource):
        @endpoint("read_unchecked", "A user.", returns=UserOut)
        def get(self): ...

    assert list_unchecked_operations([Unchecked]) == ["read_unchecked"]
