"""Pages by number and by cursor are one list, in every order, with ties and with nothing."""

from datetime import UTC, datetime, timedelta
from functools import cmp_to_key
from itertools import permutations, product

import pytest
from bson import ObjectId

from rollbook.kit import paging
from rollbook.kit.listing import PageRequest, order_by
from rollbook.kit.paging import Pager
from rollbook.users.schemas import SORTABLE

START = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = ("name", "last_login", "username")
SINGLE = [f"{sign}{key}" for sign, key in product(("", "-"), SORTABLE)]
SIGNS = list(product(("", "-"), repeat=2))
DOUBLE = [f"{one}{first},{two}{second}" for first, second in permutations(KEYS, 2) for one, two in SIGNS]


@pytest.fixture(scope="module")
def things(database):
    """Of each few values, so that there are ties, and often none at all."""
    collection = database._client.test.paged_things
    collection.delete_many({})
    rows = [
        {
            "_id": ObjectId(f"{number * 7919 % 1009:024x}"),
            "name_key": f"name {number % 4}",
            "email_key": f"{number}@example.com",
            "created_at": START + timedelta(hours=number % 9),
            "updated_at": START + timedelta(hours=number % 2),
        }
        | ({"username_key": f"user{number % 5}"} if number % 3 else {})
        | ({"last_login": START + timedelta(days=number % 3)} if number % 2 else {})
        for number in range(40)
    ]
    collection.insert_many(rows)
    yield collection, rows
    collection.drop()


def in_order(rows, order):
    def compare(one, other):
        for field, direction in order:
            a, b = one.get(field), other.get(field)
            if a != b:
                return direction if b is None or (a is not None and a > b) else -direction
        return 0

    return [row["_id"] for row in sorted(rows, key=cmp_to_key(compare))]


def walked_by_number(pager, order, size, total=None):
    met, number = [], 1
    while number:
        page = pager.page(PageRequest(number, size, order), {}, total)
        met += [row["_id"] for row in page.items]
        number = number + 1 if page.last else None
    return met


def walked_by_cursor(pager, order, size):
    met, page = [], pager.page(PageRequest(1, size, order), {})
    while True:
        met += [row["_id"] for row in page.items]
        if page.last is None:
            return met
        page = pager.page(PageRequest(None, size, order, page.last), {})
        assert (page.number, page.total, page.is_first) == (None, None, False)


@pytest.mark.parametrize("sort", SINGLE + DOUBLE + ["name,last_login,-username"])
def test_every_order_is_the_same_by_number_and_by_cursor(things, sort):
    collection, rows = things
    order = order_by(sort, SORTABLE)
    expected = in_order(rows, order)
    for size in (1, 7):
        assert walked_by_number(Pager(collection), order, size) == expected
        assert walked_by_cursor(Pager(collection), order, size) == expected


@pytest.mark.parametrize("sort", SINGLE)
def test_from_the_nearer_end_it_is_the_same_list(things, sort):
    collection, rows = things
    order = order_by(sort, SORTABLE)
    for size in (1, 7, 39, 40, 41):
        assert walked_by_number(Pager(collection), order, size, lambda: 40) == in_order(rows, order)


@pytest.mark.parametrize("sort", DOUBLE)
def test_where_very_many_tie_the_next_field_leads_through_them(things, sort, monkeypatch):
    collection, rows = things
    monkeypatch.setattr(paging, "MOST_COUNTED", 2)
    order = order_by(sort, SORTABLE)
    for size in (1, 3, 7):
        assert walked_by_number(Pager(collection), order, size) == in_order(rows, order)
        assert walked_by_cursor(Pager(collection), order, size) == in_order(rows, order)


def test_a_walk_meets_whoever_was_there_throughout_exactly_once(things):
    collection, _ = things
    stayed = {row["_id"] for row in collection.find({"updated_at": START})}
    pager, order = Pager(collection), order_by("-last_login", SORTABLE)
    met, page = [], pager.page(PageRequest(1, 3, order), {})
    while page.last:
        met += [row["_id"] for row in page.items]
        gone = page.items[-1]
        if gone["_id"] not in stayed:  # The very one that the cursor stands at goes away,
            collection.delete_one({"_id": gone["_id"]})
        collection.insert_one({"name_key": "new", "last_login": START})  # and others come, before and after it.
        collection.insert_one({"name_key": "new", "last_login": START + timedelta(days=9)})
        page = pager.page(PageRequest(None, 3, order, page.last), {})
    met += [row["_id"] for row in page.items]
    assert len(met) == len(set(met))
    assert stayed <= set(met)


def test_a_list_too_long_to_count_has_no_total_but_goes_on(things, monkeypatch):
    collection, _ = things
    monkeypatch.setattr(paging, "MOST_COUNTED", 10)
    page = Pager(collection).page(PageRequest(2, 5, [("_id", 1)]), {})
    assert (page.total, page.count, len(page.items), page.last is not None) == (None, None, 5, True)
    assert page.links("c") == {"first": {"page": 1}, "prev": {"page": 1}, "next": {"page": 3}}
    assert Pager(collection).page(PageRequest(2**63 - 1, 100, [("_id", 1)]), {}).items == []
