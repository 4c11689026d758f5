"""Counts in the memory of a process."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from limits import parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from rollbook.limits import memory_store
from rollbook.limits.hooks import MEMORY
from rollbook.limits.memory_store import MemoryStore


@pytest.fixture
def now(monkeypatch):
    class Time:
        seconds = 1000.0

        def time(self):
            return self.seconds

    time = Time()
    monkeypatch.setattr(memory_store, "time", time)
    return time


def test_library_finds_the_store_by_its_scheme():
    assert isinstance(storage_from_string(MEMORY), MemoryStore)


def test_counter_starts_again_after_its_window(now):
    store = MemoryStore()
    assert [store.incr("a", 60), store.incr("a", 60)] == [1, 2]
    now.seconds += 59
    assert (store.incr("a", 60), store.get("a"), store.get_expiry("a")) == (3, 3, 1060)
    now.seconds += 1
    assert store.get("a") == 0
    assert (store.incr("a", 60), store.get_expiry("a")) == (1, 1119 + 1)


def test_counters_can_be_cleared(now):
    store = MemoryStore()
    store.incr("a", 60)
    store.incr("b", 60)
    store.clear("a")
    assert (store.get("a"), store.get("b"), store.get_expiry("a")) == (0, 1, 1000)
    assert (store.reset(), store.get("b"), store.check()) == (1, 0, True)


def test_parallel_requests_are_counted_exactly():
    limiter, limit = FixedWindowRateLimiter(MemoryStore()), parse("100/hour")
    with ThreadPoolExecutor(8) as pool:
        passed = list(pool.map(lambda _: limiter.hit(limit, "a"), range(1000)))
    assert passed.count(True) == 100


def test_ended_windows_are_dropped(now, monkeypatch):
    monkeypatch.setattr(memory_store, "MAX_COUNTERS", 10)
    store = MemoryStore()
    store.incr("long", 1000)
    for number in range(100):
        now.seconds += 1
        store.incr(str(number), 1)
    assert len(store._counters) <= 11
    assert store.get("long") == 1


def test_running_windows_are_kept_beyond_the_maximum(now, monkeypatch):
    monkeypatch.setattr(memory_store, "MAX_COUNTERS", 10)
    store = MemoryStore()
    for number in range(100):
        store.incr(str(number), 1000)
    assert [store.get(str(number)) for number in range(100)] == [1] * 100
