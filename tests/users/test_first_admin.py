"""The first admin: made where there is none, and a mistake in the settings is told in a line for each."""

import pytest

from rollbook.services import services_of
from rollbook.settings import Settings, SettingsError
from rollbook.users.first_admin import EMAIL
from tests import people

GIVEN = {"admin_email": "root@house.org", "admin_password": "an admin of many words"}


def configured(settings, **changes):
    return services_of(Settings.model_validate(settings.model_dump() | GIVEN | changes))


def test_the_one_of_the_settings_is_made_once(settings, stored):
    for _ in range(3):
        configured(settings).prepare()
    (admin,) = stored.users.find()
    assert (admin["email"], admin["role"], admin["is_active"]) == ("root@house.org", "admin", True)
    entry = stored.audit.find_one({"action": "user.created"})
    assert (entry["actor_type"], entry["target_id"]) == ("system", str(admin["_id"]))


def test_nobody_is_made_where_there_is_an_admin_and_nobody_is_promoted(settings, services, stored, caplog):
    people.add(services, "root", email="ROOT@house.org")
    configured(settings).prepare()
    assert stored.users.find_one()["role"] == "user"
    assert "no admin: ADMIN_EMAIL belongs to a user who is none, and who may not be you" in caplog.text
    assert "set-role" not in caplog.text
    assert "root@house.org" not in caplog.text
    people.add(services, "other", role="admin")
    configured(settings, admin_email="third@house.org").prepare()
    assert stored.users.count_documents({}) == 2


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"admin_email": "no address"}, "ADMIN_EMAIL: "),
        ({"admin_password": "short"}, "ADMIN_PASSWORD: At least 8 visible characters."),
        ({"admin_password": "x" * 200}, "ADMIN_PASSWORD: At most 128 characters."),
        ({"admin_password": "root@house.org"}, "ADMIN_PASSWORD: Too close to a name, an address"),
    ],
)
def test_one_who_could_not_sign_in_stops_the_start(settings, changes, line):
    with pytest.raises(SettingsError) as refused:
        configured(settings, **changes)
    (told,) = str(refused.value).splitlines()
    assert told.startswith(line)
    assert "short" not in told


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
def test_one_that_is_made_up_meets_whatever_policy_there_is(settings, stored, changes):
    services = configured(settings, admin_email=None, admin_password=None, **changes)
    limits = Settings.model_validate(settings.model_dump() | changes).limits
    password = services.first_admin.make_up(limits)
    assert isinstance(password, str)
    assert len(password) >= 20
    assert stored.users.find_one({"email": EMAIL})["role"] == "admin"
    assert services.first_admin.make_up(limits) is None


def test_none_is_made_up_over_a_user_who_has_the_address(services, stored, caplog):
    people.add(services, "plain", email=EMAIL)
    assert services.first_admin.make_up({"name_max_length": 30, "least_password_length": 8}) is None
    assert stored.users.find_one()["role"] == "user"
