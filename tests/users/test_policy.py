"""The rules about users, as tables."""

from types import SimpleNamespace

import pytest

from rollbook.access.permissions import EVERYTHING, Permission
from rollbook.access.principal import ActorKind, Principal
from rollbook.kit.errors import Unauthenticated
from rollbook.users import policy
from rollbook.users.errors import UserNotFound
from rollbook.users.references import parse

ID = "665f1c2ab8e4d90012a3b4c5"
READ = Permission.USERS_READ
NOBODY = Principal(ActorKind.ANONYMOUS, None, EVERYTHING)
SOMEBODY = Principal(ActorKind.USER, ID, EVERYTHING)


def user(**fields):
    values = dict.fromkeys([*policy.RECORDED, "password_hash"])
    return SimpleNamespace(**(values | fields))


def test_me_is_the_caller():
    assert policy.meant_by("me", SOMEBODY, READ) == parse(ID)


def test_me_is_401_for_nobody_and_nonsense_is_404():
    with pytest.raises(Unauthenticated):
        policy.meant_by("me", NOBODY, READ)
    with pytest.raises(UserNotFound):
        policy.meant_by("no one", SOMEBODY, READ)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({}, {}),
        ({"name": "Ada"}, {"name": "Ada", "name_key": "ada"}),
        ({"email": "A@X.org"}, {"email": "A@X.org", "email_key": "a@x.org"}),
        ({"username": "Ada"}, {"username": "Ada", "username_key": "ada"}),
        ({"username": None}, {"username": None, "username_key": None}),
        ({"password": "secret", "password_hash": "x", "version": 9}, {}),
    ],
)
def test_only_known_fields_are_stored_with_their_keys(sent, stored):
    assert policy.stored(sent) == stored


def test_only_what_differs_is_changed():
    assert policy.differences(user(name="Ada", phone=None), {"name": "Ada", "phone": None}) == {}
    assert policy.differences(user(name="Ada"), {"name": "Bob"}) == {"name": "Bob"}


def test_the_record_has_before_and_after_but_no_secret():
    told = policy.changes(user(name="Ada", password_hash="old"), user(name="Bob", password_hash="new"))
    assert told == {"name": {"before": "Ada", "after": "Bob"}, "password": {"before": None, "after": None}}
    assert policy.changes(None, user(name="Ada", password_hash="new")) == {"name": {"before": None, "after": "Ada"}}


def test_a_change_of_the_password_alone_has_a_name_of_its_own():
    assert policy.action_of({"password": {}}) == "user.password_changed"
    assert policy.action_of({"password": {}, "name": {}}) == "user.updated"
