"""Paging by number and by cursor gives one list in every order, with ties and missing values."""

from datetime import UTC, datetime, timedelta
from functools import cmp_to_key
from itertools import permutations, product

import pytest
from bson import ObjectId

from rollbook.kit.listing import PageRequest, parse_sort
from rollbook.storage import paging
from rollbook.storage.paging import Pager
from rollbook.users.queries import SORT_KEYS

pytestmark = pytest.mark.slow

START = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = ("name", "last_login", "username")
SINGLE = [f"{sign}{key}" for sign, key in product(("", "-"), SORT_KEYS)]
SIGNS = list(product(("", "-"), repeat=2))
DOUBLE = [
    f"{one}{first},{two}{second}" for first, second in permutations(KEYS, 2) for one, two in SIGNS
]


@pytest.fixture(scope="module")
def collection_and_rows(database):
    """Each field has few values, so there are ties. Some fields are often missing."""
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


def sort_rows(rows, order):
    def compare(one, other):
        for field, direction in order:
            a, b = one.get(field), other.get(field)
            if a != b:
                return direction if b is None or (a is not None and a > b) else -direction
        return 0

    return [row["_id"] for row in sorted(rows, key=cmp_to_key(compare))]


def collect_by_number(pager, order, size, total=None):
    ids, number = [], 1
    while number:
        page = pager.list_page(PageRequest(number, size, order), {}, total)
        ids += [row["_id"] for row in page.items]
        number = number + 1 if page.end else None
    return ids


def collect_by_cursor(pager, order, size):
    ids, page = [], pager.list_page(PageRequest(1, size, order), {})
    while True:
        ids += [row["_id"] for row in page.items]
        if page.end is None:
            return ids
        page = pager.list_page(PageRequest(None, size, order, page.end), {})
        assert (page.number, page.total, page.is_first) == (None, None, False)


@pytest.mark.parametrize("sort", SINGLE + DOUBLE + ["name,last_login,-username"])
def test_number_and_cursor_paging_give_the_same_order(collection_and_rows, sort):
    collection, rows = collection_and_rows
    order = parse_sort(sort, SORT_KEYS)
    expected = sort_rows(rows, order)
    for size in (1, 7):
        assert collect_by_number(Pager(collection), order, size) == expected
        assert collect_by_cursor(Pager(collection), order, size) == expected


@pytest.mark.parametrize("sort", SINGLE)
def test_paging_from_the_end_gives_the_same_order(collection_and_rows, sort):
    collection, rows = collection_and_rows
    order = parse_sort(sort, SORT_KEYS)
    for size in (1, 7, 39, 40, 41):
        assert collect_by_number(Pager(collection), order, size, lambda: 40) == sort_rows(
            rows, order
        )


@pytest.mark.parametrize("sort", DOUBLE)
def test_paging_through_many_ties_uses_the_next_field(collection_and_rows, sort, monkeypatch):
    collection, rows = collection_and_rows
    monkeypatch.setattr(paging, "MAX_COUNTED", 2)
    order = parse_sort(sort, SORT_KEYS)
    for size in (1, 3, 7):
        assert collect_by_number(Pager(collection), order, size) == sort_rows(rows, order)
        assert collect_by_cursor(Pager(collection), order, size) == sort_rows(rows, order)


def test_cursor_visits_kept_rows_once_during_writes(collection_and_rows):
    collection, _ = collection_and_rows
    kept_ids = {row["_id"] for row in collection.find({"updated_at": START})}
    pager, order = Pager(collection), parse_sort("-last_login", SORT_KEYS)
    ids, page = [], pager.list_page(PageRequest(1, 3, order), {})
    while page.end:
        ids += [row["_id"] for row in page.items]
        last = page.items[-1]
        if last["_id"] not in kept_ids:
            # The cursor points at a row that is deleted.
            collection.delete_one({"_id": last["_id"]})
        # New rows appear before and after the cursor.
        collection.insert_one({"name_key": "new", "last_login": START})
        collection.insert_one({"name_key": "new", "last_login": START + timedelta(days=9)})
        page = pager.list_page(PageRequest(None, 3, order, page.end), {})
    ids += [row["_id"] for row in page.items]
    assert len(ids) == len(set(ids))
    assert kept_ids <= set(ids)


def test_list_too_long_to_count_has_no_total(collection_and_rows, monkeypatch):
    collection, _ = collection_and_rows
    monkeypatch.setattr(paging, "MAX_COUNTED", 10)
    page = Pager(collection).list_page(PageRequest(2, 5, [("_id", 1)]), {})
    assert (page.total, page.page_count, len(page.items), page.end is not None) == (
        None,
        None,
        5,
        True,
    )
    assert page.build_links("c") == {"first": {"page": 1}, "prev": {"page": 1}, "next": {"page": 3}}
    assert Pager(collection).list_page(PageRequest(2**63 - 1, 100, [("_id", 1)]), {}).items == []
