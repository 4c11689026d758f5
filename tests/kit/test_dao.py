"""What a DAO promises, against a real MongoDB."""

from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId

from rollbook.kit.transactions import Superseded
from rollbook.users.dao import users
from rollbook.users.documents import User
from rollbook.users.errors import EmailTaken, UserNotFound

NOW = datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


def new(**fields):
    values = {"name": "Ada", "name_key": "ada", "email": "a@x.org", "email_key": "a@x.org", "password_hash": "h"}
    return User(**(values | fields), created_at=NOW, updated_at=NOW)


@pytest.fixture
def user(stored):
    return users.insert(new())


def test_what_is_inserted_is_found_again_with_its_times(user):
    assert users.get(user.pk).created_at == NOW
    assert users.find("email_key", "a@x.org").pk == user.pk
    assert users.find("email_key", "b@x.org") is None


def test_a_change_of_the_read_version_makes_the_next_one(user):
    changed = users.change(user.pk, version=1, at=LATER, fields={"name": "Bob", "phone": None})
    assert (changed.name, changed.version, changed.updated_at, changed.created_at) == ("Bob", 2, LATER, NOW)


def test_a_change_of_a_stale_version_changes_nothing(user):
    users.change(user.pk, version=1, at=LATER, fields={"name": "Bob"})
    with pytest.raises(Superseded):
        users.change(user.pk, version=1, at=LATER, fields={"name": "Eve"})
    assert users.get(user.pk).name == "Bob"


def test_a_change_never_revives_what_was_removed(user, stored):
    users.remove(user.pk)
    with pytest.raises(UserNotFound):
        users.change(user.pk, version=1, at=LATER, fields={"name": "Bob"})
    assert stored.users.count_documents({}) == 0


def test_removing_twice_finds_nothing_the_second_time(user):
    assert users.remove(user.pk).name == "Ada"
    with pytest.raises(UserNotFound):
        users.remove(user.pk)


def test_the_database_decides_what_is_taken_and_by_which_field(user):
    with pytest.raises(EmailTaken):
        users.insert(new(name="uniq_username username_key"))


def test_an_id_that_nobody_has_is_missing(stored):
    with pytest.raises(UserNotFound):
        users.get(ObjectId())


def test_a_value_is_never_read_as_an_operator(user):
    assert users.find("email_key", {"$ne": None}) is None
