"""The retention period of deleted users, and the sweep that purges them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rollbook.access.principal import COMMAND_LINE
from rollbook.kit import clock
from rollbook.kit.errors import Unavailable
from rollbook.leases.dao import LeaseDAO, leases
from rollbook.retention.service import RetentionService
from rollbook.services import build_services
from rollbook.users.deletion import DeletionService
from tests import people
from tests.conftest import ADA

FULL = ADA | {"username": "ada", "phone": "+442079460958"}


@pytest.fixture
def deleted_user(client):
    user = client.post("/api/users", json=FULL).json["data"]
    assert client.delete(f"/api/users/{user['id']}").status_code == 204
    return user


@pytest.fixture
def make_retention(services):
    """Builds a RetentionService whose clock is some days ahead."""

    def make(days_ahead):
        time = lambda: clock.now() + timedelta(days=days_ahead)  # noqa: E731 - a clock
        deletion = replace(services.deletion, clock=time, deletion_clock=time)
        return RetentionService(time, deletion, timedelta(days=30))

    return make


def test_only_users_past_the_retention_period_are_purged(
    client, deleted_user, stored, make_retention
):
    client.post("/api/users", json=FULL)
    assert make_retention(29).purge_expired(actor=COMMAND_LINE) == 0
    assert make_retention(31).count_expired() == 1
    assert make_retention(31).purge_expired(actor=COMMAND_LINE) == 1
    assert [user["is_deleted"] for user in stored.users.find()] == [False]
    [entry] = stored.audit.find({"target_id": deleted_user["id"]}).sort("_id", -1).limit(1)
    assert entry["action"] == "user.purged"


def test_failed_purge_does_not_block_other_purges(
    deleted_user, client, stored, make_retention, monkeypatch
):
    second = client.post("/api/users", json=FULL).json["data"]
    client.delete(f"/api/users/{second['id']}")
    purge = DeletionService.purge_expired

    def purge_or_fail(self, id, **rest):
        if str(id) == deleted_user["id"]:
            raise Unavailable
        return purge(self, id, **rest)

    monkeypatch.setattr(DeletionService, "purge_expired", purge_or_fail)
    assert make_retention(31).purge_expired(actor=COMMAND_LINE) == 1
    assert [str(user["_id"]) for user in stored.users.find()] == [deleted_user["id"]]


def test_retention_sweep_runs_once_per_hour(deleted_user, stored, make_retention):
    assert [make_retention(31).sweep() for _ in range(5)] == [1, None, None, None, None]
    stored.leases.update_one({}, {"$set": {"until": clock.now() - timedelta(seconds=1)}})
    assert make_retention(32).sweep() == 0


def test_wrong_clock_neither_purges_nor_blocks_the_sweep(settings, services, stored, monkeypatch):
    """A clock 40 days ahead purged a user too early, and held the sweep lease for 40 days."""
    real_now = lambda: datetime.now(UTC)  # noqa: E731, TID251 - a clock
    monkeypatch.setattr(clock, "now", lambda: real_now() + timedelta(days=40))
    skewed_services = build_services(settings)
    user = skewed_services.registration.create_user(people.new("ada"), actor=COMMAND_LINE)
    skewed_services.deletion.delete_user(str(user.pk), actor=COMMAND_LINE)
    assert skewed_services.retention.sweep() == 0
    assert stored.leases.find_one()["until"] < real_now() + timedelta(hours=2)
    assert services.deletion.restore_user(str(user.pk), actor=COMMAND_LINE).is_deleted is False


@pytest.mark.parametrize("days", [-40, 40])
def test_wrong_clock_of_mongodb_lets_nobody_be_purged_early(
    settings, services, stored, monkeypatch, days
):
    """The clock of a primary is wrong, and another member takes over later."""
    wrong = clock.now() + timedelta(days=days)
    monkeypatch.setattr(LeaseDAO, "get_database_time", lambda self: wrong)
    skewed = build_services(settings)
    user = skewed.registration.create_user(people.new("ada"), actor=COMMAND_LINE)
    skewed.deletion.delete_user(str(user.pk), actor=COMMAND_LINE)
    assert skewed.retention.purge_expired(actor=COMMAND_LINE) == 0
    monkeypatch.undo()
    assert build_services(settings).retention.purge_expired(actor=COMMAND_LINE) == 0
    assert services.deletion.restore_user(str(user.pk), actor=COMMAND_LINE).is_deleted is False
    at = [entry["at"] for entry in stored.audit.find().sort("_id", 1)]
    assert at == sorted(at)


def test_lease_of_a_clock_that_is_a_little_ahead_is_kept(stored):
    """The primary that gave it away was five seconds ahead of this one."""
    hour = timedelta(hours=1)
    until = clock.now() + hour + timedelta(seconds=5)
    stored.leases.insert_one({"_id": "sweep", "holder": "old", "until": until})
    assert not leases.acquire("sweep", "new", duration=hour)


def test_lease_of_a_wrong_clock_is_free(stored):
    """A primary whose clock was 40 days ahead gave it away."""
    hour = timedelta(hours=1)
    stored.leases.insert_one(
        {"_id": "sweep", "holder": "old", "until": clock.now() + timedelta(days=40)}
    )
    assert leases.acquire("sweep", "new", duration=hour)
    assert not leases.acquire("sweep", "third", duration=hour)


def test_failed_sweep_is_repeated_by_the_next_one(
    deleted_user, stored, make_retention, monkeypatch
):
    def fail(*_, **__):
        raise RuntimeError

    monkeypatch.setattr(DeletionService, "purge_expired", fail)
    with pytest.raises(RuntimeError):
        make_retention(31).sweep()
    monkeypatch.undo()
    assert make_retention(31).sweep() == 1
