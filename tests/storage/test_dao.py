"""The contract of a DAO, on a real MongoDB."""

from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId

from rollbook.storage.transactions import WriteConflict
from rollbook.users.dao import users
from rollbook.users.documents import User
from rollbook.users.errors import EmailTaken, UserNotFound

NOW = datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


def new(**fields):
    values = {
        "name": "Ada",
        "name_key": "ada",
        "email": "a@x.org",
        "email_key": "a@x.org",
        "password_hash": "h",
    }
    return User(**(values | fields), created_at=NOW, updated_at=NOW)


@pytest.fixture
def user(stored):
    return users.insert(new())


def test_inserted_document_is_found_with_its_times(user):
    assert users.get(user.pk).created_at == NOW
    assert users.find("email_key", "a@x.org").pk == user.pk
    assert users.find("email_key", "b@x.org") is None


def test_update_creates_the_next_version(user):
    changed = users.update(user.pk, version=1, at=LATER, fields={"name": "Bob", "phone": None})
    assert (changed.name, changed.version, changed.updated_at, changed.created_at) == (
        "Bob",
        2,
        LATER,
        NOW,
    )


def test_update_of_a_stale_version_changes_nothing(user):
    users.update(user.pk, version=1, at=LATER, fields={"name": "Bob"})
    with pytest.raises(WriteConflict):
        users.update(user.pk, version=1, at=LATER, fields={"name": "Eve"})
    assert users.get(user.pk).name == "Bob"


def test_update_does_not_recreate_a_deleted_document(user, stored):
    users.delete(user.pk)
    with pytest.raises(UserNotFound):
        users.update(user.pk, version=1, at=LATER, fields={"name": "Bob"})
    assert stored.users.count_documents({}) == 0


def test_second_delete_raises_not_found(user):
    assert users.delete(user.pk).name == "Ada"
    with pytest.raises(UserNotFound):
        users.delete(user.pk)


def test_unique_index_decides_which_field_is_taken(user):
    with pytest.raises(EmailTaken):
        users.insert(new(name="uniq_username username_key"))


def test_unknown_id_raises_not_found(stored):
    with pytest.raises(UserNotFound):
        users.get(ObjectId())


def test_value_is_never_used_as_an_operator(user):
    assert users.find("email_key", {"$ne": None}) is None
