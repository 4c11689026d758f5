"""Lists of users: filters, prefixes, cursors, fields and totals."""

from base64 import urlsafe_b64decode
from itertools import combinations, product
from urllib.parse import quote

import pytest

from rollbook.access.principal import COMMAND_LINE
from rollbook.users import dao
from rollbook.users.dao import users
from rollbook.users.filters import ANY_BOOLEAN, Filter, Selection
from rollbook.users.queries import SORT_KEYS
from tests import people
from tests.conftest import ADA
from tests.harness.serving import ROOT

PEOPLE = {
    "Ada Lovelace": {"email": "ada@example.com", "username": "countess"},
    "Adam Smith": {"email": "smith@example.org", "username": "wealth", "role": "moderator"},
    "Grace Hopper": {"email": "grace@navy.mil", "username": "ADMIRAL", "is_active": False},
    "Élodie": {"email": "adele@example.com"},
    "100% (sure) .*": {"email": "b@münchen.de"},
}


@pytest.fixture
def existing(client, stored):
    users = {
        name: client.post("/api/users", json=ADA | {"name": name} | more)
        for name, more in PEOPLE.items()
    }
    assert {answer.status_code for answer in users.values()} == {201}
    return {name: answer.json["data"] for name, answer in users.items()}


def get_names(answer):
    assert answer.status_code == 200, answer.json
    found = {user["name"] for user in answer.json["data"]}
    assert answer.json["pagination"]["total_items"] == len(found)
    return found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("role=moderator", {"Adam Smith"}),
        ("role=nobody", set()),
        ("is_active=false", {"Grace Hopper"}),
        ("is_active=true&role=user", {"Ada Lovelace", "Élodie", "100% (sure) .*"}),
        ("email=ADA@EXAMPLE.COM", {"Ada Lovelace"}),
        ("email=nobody@example.com", set()),
        ("username=Admiral", {"Grace Hopper"}),
        ("q=ada", {"Ada Lovelace", "Adam Smith"}),
        ("q=AD", {"Ada Lovelace", "Adam Smith", "Grace Hopper", "Élodie"}),
        ("q=ada%20", {"Ada Lovelace", "Adam Smith"}),
        ("q=%C3%A9l", {"Élodie"}),
        ("q=e%CC%81l", {"Élodie"}),
        ("q=100%25%20(", {"100% (sure) .*"}),
        ("q=.*", {"100% (sure) .*"}),
        ("q=.%2B", set()),
        ("q=^a", set()),
        ("q=lovelace", {"Ada Lovelace"}),
        ("q=LOVE", {"Ada Lovelace"}),
        ("q=elace", set()),
        ("q=lovelace%20ada", {"Ada Lovelace"}),
        ("q=lo%20ad", {"Ada Lovelace"}),
        ("q=ada%20hopper", set()),
        ("q=ada%20lovelace%20example", {"Ada Lovelace"}),
        ("q=sure", {"100% (sure) .*"}),
        ("q=m%C3%BCnchen.de", {"100% (sure) .*"}),
        ("q=@m%C3%BCnchen", {"100% (sure) .*"}),
        ("q=@", set(PEOPLE)),
        ("q=%20ada%20l", {"Ada Lovelace"}),
        ("q=%20", set(PEOPLE)),
        ("q=b@m%C3%BCnchen.de", {"100% (sure) .*"}),
        ("q=smith&role=moderator", {"Adam Smith"}),
        ("q=smith&role=user", set()),
        ("q=&role=", set(PEOPLE)),
        ("created_after=2000-01-01T00:00:00Z", set(PEOPLE)),
        ("created_after=2100-01-01T00:00:00%2B02:00", set()),
        ("created_before=2100-01-01T00:00:00.5Z&is_active=false", {"Grace Hopper"}),
        ("created_before=2000-01-01T00:00:00Z", set()),
    ],
)
def test_filters_select_users_and_total(client, existing, query, expected):
    assert get_names(client.get(f"/api/users?{query}")) == expected


@pytest.mark.parametrize(
    "query",
    [
        *(
            "role=$ne",
            "role[$ne]=x",
            "is_active=maybe",
            "is_active=2",
            "email=nobody",
            "email[$ne]=a",
        ),
        *(
            "created_after=yesterday",
            "created_after=1700000000",
            "created_after=2026-01-01",
            "q=a&q=b",
        ),
        *(
            "created_after=0001-01-01T00:00:00%2B14:00",
            "created_before=9999-12-31T23:59:59-14:00",
            "is_active=on",
        ),
        *(
            "created_before=2026-01-01T00:00:00",
            "fields=password_hash",
            "fields=name,",
            "fields=*",
            "q=" + "a" * 255,
        ),
        *(
            "fields=deleted",
            "include_deleted=perhaps",
            "password_hash=x",
            "phone=1",
            "known_addresses=1",
        ),
        *(
            "cursor=x",
            "cursor=" + "A" * 3001,
            "cursor=%C3%A9",
            "name=Ada",
            "sort=role",
            "sort=password_hash",
        ),
    ],
)
def test_invalid_filter_returns_400(client, existing, query):
    answer = client.get(f"/api/users?{query}")
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "validation_failed")
    documented = (ROOT / "docs" / "errors.md").read_text()
    assert all(f"`{detail['code']}`" in documented for detail in answer.json["error"]["details"])


def test_fields_limits_the_response(client, existing):
    answer = client.get("/api/users?fields=name,email&sort=name&page_size=1")
    assert answer.json["data"] == [{"name": "100% (sure) .*", "email": "b@münchen.de"}]
    assert "fields=name%2Cemail" in answer.headers["Link"]
    assert all("deleted_at" not in user for user in client.get("/api/users").json["data"])


def test_cursor_continues_after_the_page(client, existing):
    first = client.get("/api/users?sort=name&page_size=2").json
    assert first["pagination"]["total_items"] == 5
    answer = client.get(
        f"/api/users?sort=name&page_size=3&cursor={first['pagination']['next_cursor']}"
    )
    met = [user["name"] for user in first["data"] + answer.json["data"]]
    assert met == sorted(PEOPLE, key=str.casefold)
    assert answer.json["pagination"] == {
        **dict.fromkeys(("page", "total_items", "total_pages", "next_cursor")),
        "page_size": 3,
        "has_next": False,
        "has_previous": True,
    }
    assert answer.headers["Link"] == '</api/users?sort=name&page_size=3>; rel="first"'


def test_cursor_is_valid_for_its_own_list_only(client, existing, make_app):
    cursor = client.get("/api/users?sort=name&page_size=2").json["pagination"]["next_cursor"]
    good = f"/api/users?sort=name&cursor={cursor}"
    assert client.get(good).status_code == 200
    assert client.get(good + "&page_size=50&fields=name").status_code == 200
    elsewhere = make_app(secret_key="5d41402abc4b2a76b9719d911017c592").test_client()
    for bad in (
        client.get(good.replace("sort=name", "sort=-name")),
        client.get(good + "&role=user"),
        client.get(good + "&page=1"),
        client.get(good.replace(cursor, cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB"))),
        elsewhere.get(good),
        client.get(f"/api/roles?cursor={cursor}"),
    ):
        assert bad.status_code == 400
    assert b"lovelace" not in urlsafe_b64decode(cursor + "==").lower()


def test_new_user_is_listed_and_counted_at_once(client, existing):
    client.post("/api/users", json=ADA | {"email": "new@example.com", "name": "Newest"})
    answer = client.get("/api/users?page_size=1")
    assert (answer.json["data"][0]["name"], answer.json["pagination"]["total_items"]) == (
        "Newest",
        6,
    )


def test_listing_deleted_users_needs_a_permission(guarded, services, stored):
    admin = people.person(services, guarded, "admin", role="admin")
    moderator = people.person(services, guarded, "mod", role="moderator")
    gone = people.add(services, "gone")
    services.deletion.delete_user(gone["id"], actor=COMMAND_LINE)
    assert moderator.get("/api/users?include_deleted=true").status_code == 403
    listed = admin.get("/api/users?include_deleted=true&sort=name&fields=name,deleted_at").json
    assert [user["name"] for user in listed["data"]] == ["Admin", "Gone", "Mod"]
    assert [user["deleted_at"] is not None for user in listed["data"]] == [False, True, False]
    assert listed["pagination"]["total_items"] == 3
    assert admin.get("/api/users").json["pagination"]["total_items"] == 2


def test_totals_follow_changes_and_are_corrected(client, existing, stored, services):
    def totals():
        return [
            client.get(f"/api/users?{query}").json["pagination"]["total_items"]
            for query in (
                "",
                "role=user",
                "role=moderator",
                "is_active=false",
                "include_deleted=true",
            )
        ]

    assert totals() == [5, 4, 1, 1, 5]
    client.patch("/api/users/countess", json={"role": "moderator", "is_active": False})
    client.delete("/api/users/wealth")
    assert totals() == [4, 3, 1, 2, 5]
    client.delete("/api/users/adele@example.com?purge=true")
    client.post("/api/users/wealth/restore")
    assert totals() == [4, 2, 2, 2, 4]
    stored.user_tallies.update_one({}, {"$inc": {"counts.user:10": 7}})
    assert users.recount() is True
    assert totals() == [4, 2, 2, 2, 4]
    assert users.recount() is False


def test_wrong_tally_hides_no_user(client, existing, stored):
    stored.user_tallies.update_many({}, {"$set": {"counts": {}}})
    assert len(client.get("/api/users").json["data"]) == 5


@pytest.mark.parametrize("sort", ["name", "-email", "username", "name,-created_at"])
def test_too_many_prefix_matches_are_not_sorted(client, existing, monkeypatch, sort):
    monkeypatch.setattr(dao, "MAX_SORTED", 3)
    answer = client.get(f"/api/users?q=a&sort={sort}")
    assert get_names(client.get(f"/api/users?q=ada&sort={sort}")) == {"Ada Lovelace", "Adam Smith"}
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "too_broad")
    assert client.get("/api/users?q=a").status_code == 200


VALUES = {
    "role": "user",
    "is_active": "true",
    "email": "ada@example.com",
    "username": "countess",
    "created_after": "2000-01-01T00:00:00Z",
    "created_before": "2100-01-01T00:00:00Z",
    "q": "a",
    "include_deleted": "true",
}
SORTS = [f"{sign}{key}" for sign, key in product(("", "-"), SORT_KEYS)] + [
    "name,-created_at",
    "-last_login,username",
]


def test_no_combination_of_filters_scans_the_collection(client, existing, stored):
    chosen = [set(some) for size in range(len(VALUES) + 1) for some in combinations(VALUES, size)]
    stored.system.profile.drop()
    stored.create_collection("system.profile", capped=True, size=2**26)
    stored.command("profile", 2)
    try:
        for number, names_ in enumerate(chosen):
            query = "&".join(f"{name}={quote(VALUES[name])}" for name in names_)
            for sort in SORTS if len(names_) < 2 else [SORTS[number % len(SORTS)]]:
                page = client.get(f"/api/users?{query}&sort={sort}&page_size=1").json
                if cursor := page["pagination"]["next_cursor"]:
                    client.get(f"/api/users?{query}&sort={sort}&page_size=1&cursor={cursor}")
        plans = list(stored.system.profile.find({"ns": "test.users"}))
    finally:
        stored.command("profile", 0)
        stored.system.profile.drop()
    assert len(plans) > 500
    assert [plan["command"] for plan in plans if "COLLSCAN" in plan["planSummary"]] == []
    unsorted = [
        plan["command"]
        for plan in plans
        if plan.get("hasSortStage") and _needs_no_sort(plan["command"])
    ]
    assert unsorted == []


def _needs_no_sort(command):
    """One key, and nothing that another index finds first."""
    found = {"$or", "role", "email_key", "username_key", "created_at"} & command.get(
        "filter", {}
    ).keys()
    return (
        len(command.get("sort", {})) == 2 and not found and "$and" not in command.get("filter", {})
    )


def test_two_filters_of_one_field_both_apply():
    filters = {"after": Filter("at", None, "$gt"), "before": Filter("at", None, "$lt")}
    query = Selection({"after": 1, "before": 9}, filters).build_query()
    assert query["at"] == {"$gt": 1, "$lt": 9}
    assert (query["is_deleted"], query["is_active"]) == (False, ANY_BOOLEAN)
