"""Paging and sorting."""

import pytest

from rollbook.kit.listing import Page, PageRequest, parse_sort

STORED = {"name": "name_key", "created_at": "created_at"}


@pytest.mark.parametrize(
    ("number", "total", "pages", "has_next", "has_previous", "links"),
    [
        (1, 0, 0, False, False, {"first": 1, "last": 1}),
        (1, 10, 1, False, False, {"first": 1, "last": 1}),
        (1, 11, 2, True, False, {"first": 1, "next": 2, "last": 2}),
        (2, 25, 3, True, True, {"first": 1, "prev": 1, "next": 3, "last": 3}),
        (3, 25, 3, False, True, {"first": 1, "prev": 2, "last": 3}),
        (9, 25, 3, False, True, {"first": 1, "prev": 3, "last": 3}),
    ],
)
def test_page_links_to_its_neighbours(number, total, pages, has_next, has_previous, links):
    last = ["here"] if has_next else None
    page = Page([], number, 10, total, last, is_first=number == 1)
    pagination = page.render_pagination("cursor" if has_next else None)
    assert (pagination["total_pages"], pagination["has_next"], pagination["has_previous"]) == (
        pages,
        has_next,
        has_previous,
    )
    assert page.build_links(None) == {rel: {"page": number} for rel, number in links.items()}


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("name", [("name_key", 1), ("_id", 1)]),
        ("-created_at", [("created_at", -1), ("_id", -1)]),
        ("name,-created_at", [("name_key", 1), ("created_at", -1), ("_id", -1)]),
        ("name,-name", [("name_key", 1), ("_id", 1)]),
    ],
)
def test_every_sort_order_ends_with_the_id(sort, order):
    assert parse_sort(sort, STORED) == order


def test_sort_by_a_hidden_field_raises_key_error():
    with pytest.raises(KeyError):
        parse_sort("password_hash", STORED)


def test_offset_follows_the_page_number():
    assert PageRequest(1, 20, []).offset == 0
    assert PageRequest(3, 20, []).offset == 40
