"""A connection is replaced while other threads use it."""

import threading
import time

import pytest
from pymongo.errors import InvalidOperation

from rollbook.database_parts import build_database
from rollbook.kit.errors import Unavailable
from rollbook.storage import database as module
from rollbook.users.dao import users


@pytest.fixture
def own(settings, database):
    """A database of its own. The one of the other tests is connected again afterwards."""
    own = build_database(settings)
    own.connect_to_primary()
    yield own
    own.close()
    database._client = None
    database.prepare()


@pytest.mark.long
def test_requests_always_find_a_connection(own):
    failures, done, stop = [], [], threading.Event()

    def use():
        while not stop.is_set():
            try:
                users.has_active_user("admin")
                done.append(1)
            except (Unavailable, InvalidOperation):
                pass  # The client of this request was closed: it is answered with 503.
            except Exception as error:
                failures.append(error)
                return

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(30):
        own.connect()
        time.sleep(0.02)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(done) > 30


def test_documents_use_the_new_client(own):
    before = own._client
    own.connect()
    assert own._client is not before
    assert users._collection.database.client is own._client


def test_lost_primary_is_waited_for_before_a_new_client(own, monkeypatch):
    """The client finds a new primary by itself. Only a replica set that was wiped needs another."""
    now = time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    own.prepare()
    now += 3600
    own._on_primary_lost()
    own._mark_not_ready(module.UNREACHABLE)
    assert not own._is_stuck()
    now += module.RECONNECT_SECONDS + 1
    assert own._is_stuck()


def test_client_that_finds_the_primary_is_never_stuck(own, monkeypatch):
    """Not even when the schema is not ready for long."""
    now = time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    own._mark_not_ready(module.UNREACHABLE)
    now += 3600
    own.require_primary()
    now += 1
    assert not own._is_stuck()
