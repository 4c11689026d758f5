"""The rules about users, as tables."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from rollbook.access.permissions import EVERYTHING, Permission
from rollbook.access.principal import COMMAND_LINE, ActorKind, Principal
from rollbook.kit.errors import Forbidden, Unauthenticated
from rollbook.roles.built_in import PERMISSIONS
from rollbook.users import policy, stored_fields
from rollbook.users.errors import NoAdminYet, RegistrationClosed, UserNotFound
from rollbook.users.references import parse_reference
from rollbook.users.registration_policy import (
    is_registration,
    require_plain,
    require_registration_open,
)

ID = "665f1c2ab8e4d90012a3b4c5"
READ = Permission.USERS_READ
ANONYMOUS_ADMIN = Principal(ActorKind.ANONYMOUS, None, EVERYTHING, is_admin=True)
SIGNED_IN = Principal(ActorKind.USER, ID, EVERYTHING)


def user(**fields):
    values = dict.fromkeys([*policy.AUDITED_FIELDS, "password_hash"])
    return SimpleNamespace(**(values | fields))


def test_me_refers_to_the_caller():
    assert policy.resolve_reference("me", SIGNED_IN, READ) == parse_reference(ID)


def test_me_needs_a_user_and_invalid_references_are_unknown():
    with pytest.raises(Unauthenticated):
        policy.resolve_reference("me", ANONYMOUS_ADMIN, READ)
    with pytest.raises(UserNotFound):
        policy.resolve_reference("no one", SIGNED_IN, READ)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({}, {}),
        ({"name": "Ada"}, {"name": "Ada", "name_key": "ada"}),
        (
            {"email": "A@X.org"},
            {"email": "A@X.org", "email_key": "a@x.org", "email_skeleton": "a@x.org"},
        ),
        ({"username": "Ada"}, {"username": "Ada", "username_key": "ada"}),
        ({"username": None}, {"username": None, "username_key": None}),
        ({"password": "secret", "password_hash": "x", "version": 9}, {}),
    ],
)
def test_stored_fields_include_their_keys(sent, stored):
    assert stored_fields.build_stored_fields(sent) == stored


def test_only_differences_are_written():
    assert (
        stored_fields.find_differences(user(name="Ada", phone=None), {"name": "Ada", "phone": None})
        == {}
    )
    assert stored_fields.find_differences(user(name="Ada"), {"name": "Bob"}) == {"name": "Bob"}


def test_audited_changes_contain_no_secret():
    told = policy.describe_changes(
        user(name="Ada", password_hash="old"), user(name="Bob", password_hash="new")
    )
    assert told == {
        "name": {"before": "Ada", "after": "Bob"},
        "password": {"before": None, "after": None},
    }
    assert policy.describe_changes(None, user(name="Ada", password_hash="new")) == {
        "name": {"before": None, "after": "Ada"}
    }


def test_password_change_has_its_own_action():
    assert policy.get_change_action({"password": {}}) == "user.password_changed"
    assert policy.get_change_action({"password": {}, "name": {}}) == "user.updated"


ME, OTHER = ID, "665f1c2ab8e4d90012a3b4c6"
USER = Principal(ActorKind.USER, ME, frozenset())
MODERATOR = Principal(ActorKind.USER, ME, PERMISSIONS["moderator"])
ADMIN = Principal(ActorKind.USER, ME, EVERYTHING, is_admin=True)
ALL_PERMISSIONS = Principal(ActorKind.USER, ME, EVERYTHING)
ANONYMOUS = Principal(ActorKind.ANONYMOUS, None, frozenset())


def account(pk=OTHER, role="user", is_active=True):
    return SimpleNamespace(pk=pk, role=role, is_active=is_active)


@pytest.mark.parametrize(
    ("actor", "whose", "fields", "allowed"),
    [
        (
            USER,
            account(ME),
            {"name", "first_name", "last_name", "phone", "username", "email", "password"},
            True,
        ),
        (USER, account(ME), {"is_active"}, False),
        (USER, account(ME), {"role"}, False),
        (USER, account(), {"name"}, False),
        (USER, account(), set(), True),
        (MODERATOR, account(), {"name", "username", "is_active"}, True),
        (MODERATOR, account(), {"email"}, False),
        (MODERATOR, account(), {"password"}, False),
        (MODERATOR, account(), {"name", "role"}, False),
        (MODERATOR, account(role="moderator"), {"name"}, True),
        (MODERATOR, account(role="admin"), {"name"}, False),
        (MODERATOR, account(role="admin"), set(), False),
        (USER, account(ME, role="admin"), {"name"}, True),
        (ALL_PERMISSIONS, account(role="admin"), {"name"}, False),
        (ADMIN, account(role="admin"), {"name", "email", "password", "role", "is_active"}, True),
        (COMMAND_LINE, account(role="admin"), {"password", "role"}, True),
        (ANONYMOUS, account(), {"name"}, False),
    ],
)
def test_who_may_change_which_fields(actor, whose, fields, allowed):
    with nullcontext() if allowed else pytest.raises(Forbidden):
        policy.require_authority(actor, whose, PERMISSIONS[whose.role])
        policy.require_may_change(actor, whose, fields)


STRONG = frozenset({Permission.USERS_UPDATE, Permission.ROLES_WRITE})
OVERRULING = Principal(ActorKind.USER, ME, frozenset({Permission.USERS_OVERRULE}))


@pytest.mark.parametrize(
    ("actor", "whose", "held", "allowed"),
    [
        (MODERATOR, account(role="strong"), STRONG, False),
        (MODERATOR, account(role="weak"), frozenset({Permission.USERS_UPDATE}), True),
        (MODERATOR, account(ME, role="strong"), STRONG, True),
        (USER, account(role="strong"), STRONG, False),
        (OVERRULING, account(role="strong"), STRONG, True),
        (OVERRULING, account(role="admin"), EVERYTHING, False),
        (ALL_PERMISSIONS, account(role="strong"), STRONG, True),
        (ADMIN, account(role="strong"), STRONG, True),
    ],
)
def test_actor_needs_the_permissions_of_the_user(actor, whose, held, allowed):
    with nullcontext() if allowed else pytest.raises(Forbidden):
        policy.require_authority(actor, whose, held)


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
def test_changes_that_remove_an_admin(user, fields, ends):
    assert policy.removes_admin(user, fields) is ends


@pytest.mark.parametrize(
    ("actor", "user", "fields", "proves", "takes_over"),
    [
        (USER, account(ME), {"password"}, True, False),
        (ADMIN, account(ME), {"email", "name"}, True, False),
        (ADMIN, account(), {"password"}, False, True),
        (ADMIN, account(), {"name"}, False, False),
        (USER, account(ME), {"name"}, False, False),
        (COMMAND_LINE, account(), {"password"}, False, True),
    ],
)
def test_owner_proof_and_takeover(actor, user, fields, proves, takes_over):
    assert policy.needs_current_password(actor, user, fields) is proves
    assert policy.is_takeover(actor, user, fields) is takes_over


@pytest.mark.parametrize(
    ("actor", "registers"),
    [(ANONYMOUS, True), (USER, True), (ADMIN, False), (ANONYMOUS_ADMIN, False)],
)
def test_registration_is_creation_without_permission(actor, registers):
    assert is_registration(actor) is registers


@pytest.mark.parametrize(
    ("registration", "has_admin", "refusal"),
    [
        ("open", True, None),
        ("open", False, NoAdminYet),
        ("closed", True, RegistrationClosed),
        ("closed", False, RegistrationClosed),
    ],
)
def test_registration_needs_an_admin_and_the_setting(registration, has_admin, refusal):
    with pytest.raises(refusal) if refusal else nullcontext():
        require_registration_open(registration, has_admin=has_admin)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("role", "admin"),
        ("is_active", False),
        ("email_verified", True),
        ("external_id", "x"),
        ("app_metadata", {"a": 1}),
        ("private_metadata", {"a": 1}),
        ("id", "1" * 24),
    ],
)
def test_registration_chooses_nothing_special(name, value):
    plain = {**policy.REGISTRATION_DEFAULTS, "id": None}
    require_plain(plain)
    with pytest.raises(Forbidden, match=name):
        require_plain(plain | {name: value})
