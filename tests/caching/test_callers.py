"""Callers in memory, on a real MongoDB: what is remembered, forgotten and waited for."""

import threading
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from bson import ObjectId

from rollbook.access.principal import COMMAND_LINE
from rollbook.auth import callers as callers_module
from rollbook.auth.caller_changes import CHANGES
from rollbook.auth.callers import Callers
from rollbook.caching import barriers, follower
from rollbook.caching.dao import cache_leases
from rollbook.caching.follower import Follower
from rollbook.caching.leased_cache import LeasedCache
from rollbook.kit import clock
from rollbook.roles.schemas import RoleCreate, RolePut
from rollbook.users.schemas import UserPatch
from tests import people
from tests.harness.serving import wait_until


class FollowedCallers(Callers):
    """Callers that are followed in a thread of the test. `reads` counts those of MongoDB."""

    def __init__(self, apply=None):
        self.cache = LeasedCache()
        super().__init__(self.cache)
        self.reads = 0
        self.follower = Follower(self.cache, CHANGES, apply or self.apply)
        self.thread = threading.Thread(target=self.follower.follow, daemon=True)
        self.cache.used_at = follower.get_elapsed_time()

    def _read(self, *arguments):
        self.reads += 1
        return super()._read(*arguments)

    def is_valid(self):
        self.cache.find("anything")
        return self.cache._valid_until > follower.get_elapsed_time()


@contextmanager
def following(apply=None):
    callers = FollowedCallers(apply)
    callers.thread.start()
    wait_until(callers.is_valid)
    try:
        yield callers
    finally:
        cache_leases.evict(cache_leases.list_ids())
        callers.thread.join(10)


@pytest.fixture
def callers(session):
    with following() as callers:
        yield callers


@pytest.fixture
def user(services, stored):
    return services.registration.create_user(people.new("ada"), actor=COMMAND_LINE)


@pytest.fixture
def session(services, user):
    session, _ = services.sessions.start_session(user.pk, actor=COMMAND_LINE, at=clock.now())
    return session


def find(callers, session):
    return callers.find(session.pk, str(session.user_id), at=clock.now())


def remember(callers, session):
    """Find a caller until that needs no read."""

    def is_remembered():
        before = callers.reads
        return find(callers, session) is not None and callers.reads == before

    wait_until(is_remembered)


def change(services, user, **fields):
    patch = UserPatch.model_validate(fields, context={"name_max_length": 30})
    services.changes.change_user(str(user.pk), patch, actor=COMMAND_LINE)


def test_remembered_caller_is_not_read_again(callers, session):
    remember(callers, session)
    before = callers.reads
    found = [find(callers, session) for _ in range(100)]
    assert callers.reads == before
    assert {(each.user_id, each.role) for each in found} == {(str(session.user_id), "user")}


def test_session_of_another_user_is_not_found(callers, session):
    remember(callers, session)
    assert callers.find(session.pk, str(ObjectId()), at=clock.now()) is None


def test_remembered_session_ends_at_its_time(callers, session):
    remember(callers, session)
    assert callers.find(session.pk, str(session.user_id), at=session.expires_at) is None


def test_refreshed_session_lives_longer_than_in_memory(callers, services, user):
    session, token = services.sessions.start_session(user.pk, actor=COMMAND_LINE, at=clock.now())
    remember(callers, session)
    later = session.expires_at - timedelta(seconds=1)
    services.sessions.rotate_token(token, actor=COMMAND_LINE, at=later)
    found = callers.find(session.pk, str(user.pk), at=session.expires_at + timedelta(seconds=1))
    assert found is not None


ENDINGS = {
    "sign-out": lambda services, user, session: services.sessions.end_session(
        session.pk, user_id=user.pk, actor=COMMAND_LINE
    ),
    "disabled": lambda services, user, session: change(services, user, is_active=False),
    "new password": lambda services, user, session: change(
        services, user, password="another of many words"
    ),
    "deleted": lambda services, user, session: services.deletion.delete_user(
        str(user.pk), actor=COMMAND_LINE
    ),
    "purged": lambda services, user, session: services.deletion.purge_user(
        str(user.pk), actor=COMMAND_LINE
    ),
}


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS.keys())
def test_ended_session_is_forgotten_at_once(callers, services, user, session, end):
    remember(callers, session)
    end(services, user, session)
    assert find(callers, session) is None


def test_changed_rights_are_seen_at_once(callers, services, user, session):
    listing = RoleCreate(name="listing", permissions=["users:list"])
    services.roles.create_role(listing, actor=COMMAND_LINE)
    remember(callers, session)
    change(services, user, role="listing")
    assert find(callers, session).permissions == {"users:list"}
    remember(callers, session)
    put = RolePut(permissions=["users:read"], limits={"read": "5/second"})
    services.roles.put_role("listing", put, actor=COMMAND_LINE)
    found = find(callers, session)
    assert (found.permissions, found.limits) == ({"users:read"}, {"read": "5/second"})


SHELL = {
    "session deleted": lambda stored: stored.sessions.delete_many({}),
    "user disabled": lambda stored: stored.users.update_many({}, {"$set": {"is_active": False}}),
    "user deleted": lambda stored: stored.users.delete_many({}),
}


@pytest.mark.parametrize("act", SHELL.values(), ids=SHELL.keys())
def test_change_in_a_shell_is_seen(callers, session, stored, act):
    remember(callers, session)
    act(stored)
    wait_until(lambda: find(callers, session) is None, seconds=5)


def test_dropped_collection_is_seen(callers, session, stored, database):
    remember(callers, session)
    stored.sessions.drop()
    wait_until(lambda: find(callers, session) is None, seconds=5)
    database.prepare()


def test_lock_on_a_role_forgets_nobody(callers, services, session):
    remember(callers, session)
    before = callers.reads
    services.registration.create_user(people.new("bob"), actor=COMMAND_LINE)
    assert find(callers, session) is not None
    assert callers.reads == before


def test_doubled_events_are_harmless(services, user, session):
    with following(lambda event: [callers.apply(event) for _ in range(2)]) as callers:
        remember(callers, session)
        change(services, user, is_active=False)
        assert find(callers, session) is None


def test_lost_event_delays_the_answer_until_the_lease_ends(services, user, session, monkeypatch):
    """The worker goes on, but the stream has lost what it should have applied."""
    monkeypatch.setattr(follower.Follower, "_apply_event", lambda *_: None)
    with following() as callers:
        remember(callers, session)
        started = time.monotonic()
        change(services, user, is_active=False)
        waited = time.monotonic() - started
        assert find(callers, session) is None
        assert barriers.LEASE_SECONDS < waited < barriers.LEASE_SECONDS + 2


def test_dead_worker_delays_one_change_only(services, user, session):
    cache_leases.insert("of a worker that was killed", clock.now())
    delays = []
    for is_active in (False, True, False):
        started = time.monotonic()
        change(services, user, is_active=is_active)
        delays.append(time.monotonic() - started)
    assert delays[0] > barriers.LEASE_SECONDS
    assert max(delays[1:]) < barriers.GRACE_SECONDS
    assert cache_leases.list_ids() == set()


def test_evicted_worker_starts_again_with_an_empty_cache(services, session, monkeypatch):
    monkeypatch.setattr(follower, "RETRY_SECONDS", 0.05)
    callers = FollowedCallers()
    callers.follower.start()
    remember(callers, session)
    (first,) = cache_leases.list_ids()
    cache_leases.evict([first])
    wait_until(lambda: not callers.is_valid())
    before = callers.reads
    remember(callers, session)
    assert callers.reads > before
    assert first not in cache_leases.list_ids()


def test_caller_read_before_a_change_is_not_remembered(
    callers, services, user, session, monkeypatch
):
    """The change comes between the read and the moment when it would be stored."""
    remember(callers, session)
    callers.cache.drop(session.pk)
    read = callers_module.find_caller

    def read_then_revoke(*arguments, **options):
        found = read(*arguments, **options)
        change_in_another_thread(services, user)
        return found

    monkeypatch.setattr(callers_module, "find_caller", read_then_revoke)
    assert find(callers, session) is not None
    monkeypatch.undo()
    assert find(callers, session) is None


def change_in_another_thread(services, user):
    thread = threading.Thread(target=change, args=(services, user), kwargs={"is_active": False})
    thread.start()
    thread.join()


def test_barrier_is_the_last_write_of_its_transaction(services, user, session, stored):
    """A user who is disabled loses the sessions after the lock has raised the barrier."""
    with stored.watch([{"$match": {"operationType": {"$in": ["insert", "delete"]}}}]) as stream:
        change(services, user, is_active=False)
        written = []
        while "cache_barriers" not in written:
            written.append(stream.next()["ns"]["coll"])
    assert "sessions" in written
    assert "audit" in written


def test_idle_cache_writes_nothing(services, session, monkeypatch):
    monkeypatch.setattr(follower, "IDLE_SECONDS", 0.2)
    callers = FollowedCallers()
    callers.thread.start()
    callers.thread.join(10)
    assert not callers.thread.is_alive()
    assert cache_leases.list_ids() == set()
