"""Lists of users: paging, sorting, links."""

import pytest

from tests.conftest import ADA

NAMES = ["delta", "Alpha", "charlie", "Bravo", "echo"]


@pytest.fixture
def five_users(client, stored):
    return [
        client.post("/api/users", json=ADA | {"name": name, "email": f"{name}@example.com"}).json[
            "data"
        ]
        for name in NAMES
    ]


def get_names(response):
    assert response.status_code == 200
    return [user["name"] for user in response.json["data"]]


def test_empty_list_returns_one_empty_page(client, stored):
    response = client.get("/api/users")
    assert get_names(response) == []
    assert response.json["pagination"] == {
        "page": 1,
        "page_size": 20,
        "total_items": 0,
        "total_pages": 0,
        "has_next": False,
        "has_previous": False,
        "next_cursor": None,
    }


def test_list_returns_newest_users_first(client, five_users):
    assert get_names(client.get("/api/users")) == NAMES[::-1]


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
def test_list_follows_the_sort_parameter(client, five_users, sort, expected):
    assert get_names(client.get("/api/users", query_string={"sort": sort})) == expected


def test_next_links_visit_every_user_once(client, five_users):
    path, names = "/api/users?page_size=2&sort=name", []
    while path:
        response = client.get(path)
        names += get_names(response)
        links = dict(
            reversed(link[1:].split('>; rel="')) for link in response.headers["Link"].split(", ")
        )
        path = links.get('next"')
    assert names == sorted(NAMES, key=str.lower)
    assert links['last"'] == "/api/users?page_size=2&sort=name&page=3"


@pytest.mark.parametrize("page", ["6", "1000000", str(2**63 - 1)])
def test_page_past_the_end_is_empty(client, five_users, page):
    response = client.get(f"/api/users?page={page}")
    assert get_names(response) == []
    assert response.json["pagination"]["total_items"] == 5


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=x",
        "page=1.5",
        "page=1_0",
        "page= 1",
        "page=%2B1",
        "page=१",
        f"page={2**63}",
        f"page={'9' * 5000}",
        "page=1e3",
        "page[$gt]=1",
        "page=1&page=2",
        "page=NaN",
        "page=%00",
        "page_size=0",
        "page_size=101",
        "page_size=-5",
        "sort=password_hash",
        "sort=-",
        "sort=name,",
        "sort=,name",
        "sort=name;email",
        "sort=$natural",
        "sort=email_key",
        "sort=Name",
        "sort=name%00",
        "sort=--name",
        "unknown=1",
        "unknown=",
        "password__startswith=a",
        "__raw__=1",
        "$where=1",
        "filter[name]=x",
    ],
)
def test_invalid_list_parameter_returns_400(client, five_users, query):
    response = client.get(f"/api/users?{query}")
    assert response.status_code == 400
    assert response.json["error"]["code"] == "validation_failed"
    assert response.json["error"]["details"][0]["field"] == query.split("=")[0].replace("%00", "\0")


def test_unknown_query_parameter_returns_400(client, ada):
    assert client.get(f"/api/users/{ada['id']}?purge=true").status_code == 400
    assert client.delete(f"/api/users/{ada['id']}?force=true").status_code == 400
    assert client.post("/api/users?a=1", json=ADA).status_code == 400
    assert client.get(f"/api/users/{ada['id']}").status_code == 200
