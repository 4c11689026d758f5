"""Every answer about a user passes one rule: whoever may not read someone is not shown them by another way."""

import pytest

from rollbook.access.permissions import Permission
from rollbook.access.principal import COMMAND_LINE
from rollbook.roles.schemas import RoleCreate
from rollbook.users.resources import may_see
from rollbook.users.schemas import UserOut, UserPatch
from tests import people
from tests.conftest import ADA, PASSWORD

BLIND = [each for each in Permission if each not in (Permission.USERS_READ, Permission.USERS_LIST)]


@pytest.fixture
def blind(guarded, services, stored):
    """Someone who may do everything to users but read them."""
    services.roles.create_role(RoleCreate(name="blind", permissions=BLIND), actor=COMMAND_LINE)
    return people.person(services, guarded, "blind", role="blind")


@pytest.mark.parametrize("method", ["patch", "put"])
@pytest.mark.parametrize("body", [{}, {"phone": "+442079460958"}])
def test_a_change_does_not_show_whom_one_may_not_read(blind, services, method, body):
    user = people.add(services, "ada")
    answer = getattr(blind, method)(f"/api/users/{user['id']}", json=body)
    assert (answer.status_code, answer.json["data"]) == (200, None)
    assert answer.headers["ETag"] == ('"2"' if body else '"1"'), "enough to make the next change with"


def test_neither_does_restoring_nor_creating_nor_deleting(blind, services):
    user = people.add(services, "ada")
    prefer = {"Prefer": "return=representation"}
    assert blind.delete(f"/api/users/{user['id']}", headers=prefer).status_code == 204
    assert blind.post(f"/api/users/{user['id']}/restore").json["data"] is None
    created = blind.post("/api/users", json=ADA | {"email": "new@example.com"})
    assert (created.status_code, created.json["data"]) == (201, None)
    assert blind.get(created.headers["Location"]).status_code == 403


def test_oneself_one_is_always_shown(blind):
    assert blind.patch("/api/users/me", json={"phone": None}).json["data"]["id"] == blind.id


def test_a_replay_leaves_out_what_one_may_not_see_any_more(guarded, services, stored):
    people.add(services, "first", role="admin")
    reader = people.person(services, guarded, "reader", role="admin")
    key = {"Idempotency-Key": "once"}
    assert reader.post("/api/users", json=ADA, headers=key).json["data"]["email"] == ADA["email"]
    assert reader.post("/api/users", json=ADA, headers=key).json["data"]["email"] == ADA["email"]
    services.users.change_user(reader.id, UserPatch(role="user"), actor=COMMAND_LINE)
    replayed = reader.post("/api/users", json=ADA, headers=key)
    assert (replayed.status_code, replayed.headers["Idempotency-Replayed"]) == (201, "true")
    assert replayed.json["data"] is None


def test_whoever_registers_is_shown_what_they_sent_each_time(guarded, services, stored):
    people.add(services, "first", role="admin")
    key, new = {"Idempotency-Key": "once"}, ADA | {"password": PASSWORD}
    for _ in range(2):
        assert guarded.post("/api/users", json=new, headers=key).json["data"]["email"] == ADA["email"]


def showing(views) -> list[str]:
    """Operations that answer with one user, and the rule they ask."""
    methods = [getattr(view, method.lower()) for view in views for method in view.methods]
    declared = [getattr(method, "declaration", None) for method in methods]
    about_users = [each for each in declared if each and not each.many and each.returns is UserOut]
    return [each.operation for each in about_users if each.shows is not may_see]


def test_every_operation_that_answers_with_a_user_asks_the_rule(make_app):
    views = {getattr(view, "view_class", None) for view in make_app().view_functions.values()} - {None}
    assert showing(views) == [], "add shows=may_see to their @endpoint"


def test_an_operation_that_does_not_ask_is_caught():
    from flask_restful import Resource

    from rollbook.kit.http import endpoint

    class Telling(Resource):
        @endpoint("tell", "Told.", returns=UserOut)
        def get(self): ...

    assert showing([Telling]) == ["tell"]
