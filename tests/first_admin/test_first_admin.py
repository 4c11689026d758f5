"""The first admin is created if there is none. Each wrong setting is reported in one line."""

import pytest

from rollbook.first_admin.service import EMAIL
from rollbook.services import build_services
from rollbook.settings import Settings, SettingsError
from tests import people

ADMIN_SETTINGS = {"admin_email": "root@house.org", "admin_password": "an admin of many words"}


def build_with_admin(settings, **changes):
    return build_services(Settings.model_validate(settings.model_dump() | ADMIN_SETTINGS | changes))


def test_admin_from_settings_is_created_once(settings, stored):
    for _ in range(3):
        build_with_admin(settings).prepare()
    (admin,) = stored.users.find()
    assert (admin["email"], admin["role"], admin["is_active"]) == ("root@house.org", "admin", True)
    entry = stored.audit.find_one({"action": "user.created"})
    assert (entry["actor_type"], entry["target_id"]) == ("system", str(admin["_id"]))


def test_settings_never_promote_or_add_a_second_admin(settings, services, stored, caplog):
    people.add(services, "root", email="ROOT@house.org")
    build_with_admin(settings).prepare()
    assert stored.users.find_one()["role"] == "user"
    assert (
        "no admin: ADMIN_EMAIL belongs to a user who is not one, and who may be somebody else"
        in caplog.text
    )
    assert "set-role" not in caplog.text
    assert "root@house.org" not in caplog.text
    people.add(services, "other", role="admin")
    build_with_admin(settings, admin_email="third@house.org").prepare()
    assert stored.users.count_documents({}) == 2


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"admin_email": "no address"}, "ADMIN_EMAIL: "),
        ({"admin_password": "short"}, "ADMIN_PASSWORD: At least 8 visible characters."),
        ({"admin_password": "x" * 200}, "ADMIN_PASSWORD: At most 128 characters."),
        ({"admin_password": "root@house.org"}, "ADMIN_PASSWORD: Too close to a name, an address"),
    ],
)
def test_invalid_admin_settings_stop_the_start(settings, changes, start):
    with pytest.raises(SettingsError) as caught:
        build_with_admin(settings, **changes)
    (message,) = str(caught.value).splitlines()
    assert message.startswith(start)
    assert "short" not in message


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"password_policy": "complex"},
        {"password_policy": "strict"},
        {"password_min_length": 40},
        {"name_max_length": 5},
    ],
)
def test_default_admin_password_meets_every_policy(settings, stored, changes):
    services = build_with_admin(settings, admin_email=None, admin_password=None, **changes)
    limits = Settings.model_validate(settings.model_dump() | changes).length_limits
    password = services.first_admin.create_default(limits)
    assert isinstance(password, str)
    assert len(password) >= 20
    assert stored.users.find_one({"email": EMAIL})["role"] == "admin"
    assert services.first_admin.create_default(limits) is None


def test_default_admin_is_not_created_if_email_is_taken(services, stored, caplog):
    people.add(services, "plain", email=EMAIL)
    assert (
        services.first_admin.create_default({"name_max_length": 30, "min_password_length": 8})
        is None
    )
    assert stored.users.find_one()["role"] == "user"
