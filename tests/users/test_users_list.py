"""Lists of users: pages, orders, links."""

import pytest

from tests.conftest import ADA

NAMES = ["delta", "Alpha", "charlie", "Bravo", "echo"]


@pytest.fixture
def five(client, stored):
    return [
        client.post("/api/users", json=ADA | {"name": name, "email": f"{name}@example.com"}).json["data"]
        for name in NAMES
    ]


def names(answer):
    assert answer.status_code == 200
    return [user["name"] for user in answer.json["data"]]


def test_an_empty_list_is_one_empty_page(client, stored):
    answer = client.get("/api/users")
    assert names(answer) == []
    assert answer.json["pagination"] == {
        "page": 1,
        "page_size": 20,
        "total_items": 0,
        "total_pages": 0,
        "has_next": False,
        "has_previous": False,
        "next_cursor": None,
    }


def test_the_newest_come_first(client, five):
    assert names(client.get("/api/users")) == NAMES[::-1]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("name", sorted(NAMES, key=str.lower)),
        ("-name", sorted(NAMES, key=str.lower, reverse=True)),
        ("email", sorted(NAMES, key=str.lower)),
        ("created_at", NAMES),
        ("last_login,name", sorted(NAMES, key=str.lower)),
        ("username,-created_at", NAMES[::-1]),
        ("", NAMES[::-1]),
    ],
)
def test_a_list_is_sorted_as_asked(client, five, sort, expected):
    assert names(client.get("/api/users", query_string={"sort": sort})) == expected


def test_pages_meet_every_user_once_and_links_lead_through_them(client, five):
    path, met = "/api/users?page_size=2&sort=name", []
    while path:
        answer = client.get(path)
        met += names(answer)
        links = dict(reversed(link[1:].split('>; rel="')) for link in answer.headers["Link"].split(", "))
        path = links.get('next"')
    assert met == sorted(NAMES, key=str.lower)
    assert links['last"'] == "/api/users?page_size=2&sort=name&page=3"


@pytest.mark.parametrize("page", ["6", "1000000", str(2**63 - 1)])
def test_past_the_end_is_200_and_empty(client, five, page):
    answer = client.get(f"/api/users?page={page}")
    assert names(answer) == []
    assert answer.json["pagination"]["total_items"] == 5


@pytest.mark.parametrize(
    "query",
    [
        *("page=0", "page=-1", "page=x", "page=1.5", "page=1_0", "page= 1", "page=%2B1", "page=१", f"page={2**63}"),
        *(f"page={'9' * 5000}", "page=1e3", "page[$gt]=1", "page=1&page=2", "page=NaN", "page=%00"),
        *("page_size=0", "page_size=101", "page_size=-5", "sort=password_hash", "sort=-", "sort=name,", "sort=,name"),
        *("sort=name;email", "sort=$natural", "sort=email_key", "sort=Name", "sort=name%00", "sort=--name"),
        *("unknown=1", "unknown=", "password__startswith=a", "__raw__=1", "$where=1", "filter[name]=x"),
    ],
)
def test_hostile_paging_is_400_and_names_the_parameter(client, five, query):
    answer = client.get(f"/api/users?{query}")
    assert answer.status_code == 400
    assert answer.json["error"]["code"] == "validation_failed"
    assert answer.json["error"]["details"][0]["field"] == query.split("=")[0].replace("%00", "\0")


def test_an_endpoint_without_parameters_refuses_any(client, ada):
    assert client.get(f"/api/users/{ada['id']}?purge=true").status_code == 400
    assert client.delete(f"/api/users/{ada['id']}?force=true").status_code == 400
    assert client.post("/api/users?a=1", json=ADA).status_code == 400
    assert client.get(f"/api/users/{ada['id']}").status_code == 200
