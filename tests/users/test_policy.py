"""The rules about users, as tables."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from rollbook.access.permissions import EVERYTHING, Permission
from rollbook.access.principal import COMMAND_LINE, ActorKind, Principal
from rollbook.kit.errors import Forbidden, Unauthenticated
from rollbook.roles.built_in import PERMISSIONS
from rollbook.users import policy
from rollbook.users.errors import NoAdminYet, RegistrationClosed, UserNotFound
from rollbook.users.references import parse

ID = "665f1c2ab8e4d90012a3b4c5"
READ = Permission.USERS_READ
NOBODY = Principal(ActorKind.ANONYMOUS, None, EVERYTHING, is_admin=True)
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
        ({"email": "A@X.org"}, {"email": "A@X.org", "email_key": "a@x.org", "email_skeleton": "a@x.org"}),
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


ME, OTHER = ID, "665f1c2ab8e4d90012a3b4c6"
PLAIN = Principal(ActorKind.USER, ME, frozenset())
MODERATING = Principal(ActorKind.USER, ME, PERMISSIONS["moderator"])
ADMIN = Principal(ActorKind.USER, ME, EVERYTHING, is_admin=True)
ALMIGHTY = Principal(ActorKind.USER, ME, EVERYTHING)
PASSERBY = Principal(ActorKind.ANONYMOUS, None, frozenset())


def account(pk=OTHER, role="user", is_active=True):
    return SimpleNamespace(pk=pk, role=role, is_active=is_active)


@pytest.mark.parametrize(
    ("actor", "whose", "fields", "allowed"),
    [
        (PLAIN, account(ME), {"name", "first_name", "last_name", "phone", "username", "email", "password"}, True),
        (PLAIN, account(ME), {"is_active"}, False),
        (PLAIN, account(ME), {"role"}, False),
        (PLAIN, account(), {"name"}, False),
        (PLAIN, account(), set(), True),
        (MODERATING, account(), {"name", "username", "is_active"}, True),
        (MODERATING, account(), {"email"}, False),
        (MODERATING, account(), {"password"}, False),
        (MODERATING, account(), {"name", "role"}, False),
        (MODERATING, account(role="moderator"), {"name"}, True),
        (MODERATING, account(role="admin"), {"name"}, False),
        (MODERATING, account(role="admin"), set(), False),
        (PLAIN, account(ME, role="admin"), {"name"}, True),
        (ALMIGHTY, account(role="admin"), {"name"}, False),
        (ADMIN, account(role="admin"), {"name", "email", "password", "role", "is_active"}, True),
        (COMMAND_LINE, account(role="admin"), {"password", "role"}, True),
        (PASSERBY, account(), {"name"}, False),
    ],
)
def test_what_one_may_change_of_whom(actor, whose, fields, allowed):
    with nullcontext() if allowed else pytest.raises(Forbidden):
        policy.may_act_on(actor, whose, PERMISSIONS[whose.role])
        policy.may_change(actor, whose, fields)


STRONG = frozenset({Permission.USERS_UPDATE, Permission.ROLES_WRITE})
OVERRULING = Principal(ActorKind.USER, ME, frozenset({Permission.USERS_OVERRULE}))


@pytest.mark.parametrize(
    ("actor", "whose", "held", "allowed"),
    [
        (MODERATING, account(role="strong"), STRONG, False),
        (MODERATING, account(role="weak"), frozenset({Permission.USERS_UPDATE}), True),
        (MODERATING, account(ME, role="strong"), STRONG, True),
        (PLAIN, account(role="strong"), STRONG, False),
        (OVERRULING, account(role="strong"), STRONG, True),
        (OVERRULING, account(role="admin"), EVERYTHING, False),
        (ALMIGHTY, account(role="strong"), STRONG, True),
        (ADMIN, account(role="strong"), STRONG, True),
    ],
)
def test_nobody_acts_on_someone_who_may_do_more(actor, whose, held, allowed):
    with nullcontext() if allowed else pytest.raises(Forbidden):
        policy.may_act_on(actor, whose, held)


@pytest.mark.parametrize(
    ("user", "fields", "ends"),
    [
        (account(role="admin"), {"role": "user"}, True),
        (account(role="admin"), {"is_active": False}, True),
        (account(role="admin"), {"role": "admin"}, False),
        (account(role="admin"), {"name": "Root"}, False),
        (account(role="admin", is_active=False), {"role": "user"}, False),
        (account(role="user"), {"is_active": False}, False),
    ],
)
def test_what_ends_an_admin(user, fields, ends):
    assert policy.ends_admin(user, fields) is ends


@pytest.mark.parametrize(
    ("actor", "user", "fields", "proves", "takes_over"),
    [
        (PLAIN, account(ME), {"password"}, True, False),
        (ADMIN, account(ME), {"email", "name"}, True, False),
        (ADMIN, account(), {"password"}, False, True),
        (ADMIN, account(), {"name"}, False, False),
        (PLAIN, account(ME), {"name"}, False, False),
        (COMMAND_LINE, account(), {"password"}, False, True),
    ],
)
def test_who_proves_to_be_the_owner_and_who_takes_over(actor, user, fields, proves, takes_over):
    assert policy.needs_current_password(actor, user, fields) is proves
    assert policy.takes_over(actor, user, fields) is takes_over


@pytest.mark.parametrize(("actor", "registers"), [(PASSERBY, True), (PLAIN, True), (ADMIN, False), (NOBODY, False)])
def test_who_registers_and_whom_does_someone_make_who_may(actor, registers):
    assert policy.registers(actor) is registers


@pytest.mark.parametrize(
    ("registration", "has_admin", "refusal"),
    [
        ("open", True, None),
        ("open", False, NoAdminYet),
        ("closed", True, RegistrationClosed),
        ("closed", False, RegistrationClosed),
    ],
)
def test_when_anyone_may_register(registration, has_admin, refusal):
    with pytest.raises(refusal) if refusal else nullcontext():
        policy.may_register(registration, has_admin=has_admin)
