"""A cache that answers only while its lease is valid."""

import pytest

from rollbook.caching.leased_cache import LeasedCache


class Time:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def cache(time):
    cache = LeasedCache(max_entries=3, elapsed_time=time)
    cache.begin_lease(102)
    cache.store("ada", 1, generation=cache.generation)
    return cache


def test_lease_is_checked_at_every_use(cache, time):
    assert cache.find("ada") == 1
    time.now = 101.99
    assert cache.find("ada") == 1
    time.now = 102.0
    assert cache.find("ada") is None
    cache.extend_lease(104)
    assert cache.find("ada") == 1


def test_cache_without_a_lease_stores_nothing(time):
    cache = LeasedCache(elapsed_time=time)
    cache.store("ada", 1, generation=cache.generation)
    assert len(cache) == 0
    assert not cache.is_wanted.is_set()
    assert cache.find("ada") is None
    assert cache.is_wanted.is_set()


@pytest.mark.parametrize(
    "change",
    [
        lambda cache: cache.drop("ada"),
        lambda cache: cache.drop("bob"),
        lambda cache: cache.drop_where(lambda value: value == 1),
        lambda cache: cache.clear(),
        lambda cache: cache.end_lease(),
        lambda cache: cache.begin_lease(104),
    ],
)
def test_value_read_before_a_change_is_not_stored(cache, change):
    before = cache.generation
    change(cache)
    cache.store("bob", 2, generation=before)
    assert cache.find("bob") is None


def test_dropped_values_are_gone(cache):
    cache.store("bob", 2, generation=cache.generation)
    cache.drop_where(lambda value: value == 2)
    assert (cache.find("ada"), cache.find("bob")) == (1, None)
    cache.drop("ada")
    assert len(cache) == 0


def test_full_cache_replaces_the_oldest_value(cache):
    for name in ("bob", "cleo", "dora"):
        cache.store(name, 2, generation=cache.generation)
    assert len(cache) == 3
    assert (cache.find("ada"), cache.find("dora")) == (None, 2)


def test_lost_lease_empties_the_cache(cache):
    cache.end_lease()
    cache.begin_lease(104)
    assert cache.find("ada") is None
