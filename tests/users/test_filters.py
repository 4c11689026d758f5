"""Finding users: filters, prefixes, cursors, fields; and no list that scans the collection."""

from itertools import combinations, product
from urllib.parse import quote

import pytest

from rollbook.access.principal import COMMAND_LINE
from rollbook.users import dao
from rollbook.users.schemas import SORTABLE
from rollbook.users.tally_dao import tallies
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
def there(client, stored):
    users = {name: client.post("/api/users", json=ADA | {"name": name} | more) for name, more in PEOPLE.items()}
    assert {answer.status_code for answer in users.values()} == {201}
    return {name: answer.json["data"] for name, answer in users.items()}


def names(answer):
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
        ("q=ada%20", {"Ada Lovelace"}),
        ("q=%C3%A9l", {"Élodie"}),
        ("q=e%CC%81l", {"Élodie"}),
        ("q=100%25%20(", {"100% (sure) .*"}),
        ("q=.*", set()),
        ("q=^a", set()),
        ("q=lovelace", set()),
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
def test_a_list_has_who_is_asked_for_and_their_number(client, there, query, expected):
    assert names(client.get(f"/api/users?{query}")) == expected


@pytest.mark.parametrize(
    "query",
    [
        *("role=$ne", "role[$ne]=x", "is_active=maybe", "is_active=2", "email=nobody", "email[$ne]=a"),
        *("created_after=yesterday", "created_after=1700000000", "created_after=2026-01-01", "q=a&q=b"),
        *("created_after=0001-01-01T00:00:00%2B14:00", "created_before=9999-12-31T23:59:59-14:00", "is_active=on"),
        *("created_before=2026-01-01T00:00:00", "fields=password_hash", "fields=name,", "fields=*", "q=" + "a" * 255),
        *("fields=deleted", "include_deleted=perhaps", "password_hash=x", "phone=1", "known_addresses=1"),
        *("cursor=x", "cursor=" + "A" * 3001, "cursor=%C3%A9", "name=Ada", "sort=role", "sort=password_hash"),
    ],
)
def test_what_is_no_filter_is_400(client, there, query):
    answer = client.get(f"/api/users?{query}")
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "validation_failed")
    documented = (ROOT / "docs" / "errors.md").read_text()
    assert all(f"`{detail['code']}`" in documented for detail in answer.json["error"]["details"])


def test_fields_are_those_asked_for(client, there):
    answer = client.get("/api/users?fields=name,email&sort=name&page_size=1")
    assert answer.json["data"] == [{"name": "100% (sure) .*", "email": "b@münchen.de"}]
    assert "fields=name%2Cemail" in answer.headers["Link"]
    assert all("deleted_at" not in user for user in client.get("/api/users").json["data"])


def test_a_cursor_goes_on_where_the_page_ended_and_its_links_too(client, there):
    first = client.get("/api/users?sort=name&page_size=2").json
    assert first["pagination"]["total_items"] == 5
    answer = client.get(f"/api/users?sort=name&page_size=3&cursor={first['pagination']['next_cursor']}")
    met = [user["name"] for user in first["data"] + answer.json["data"]]
    assert met == sorted(PEOPLE, key=str.casefold)
    assert answer.json["pagination"] == {
        **dict.fromkeys(("page", "total_items", "total_pages", "next_cursor")),
        "page_size": 3,
        "has_next": False,
        "has_previous": True,
    }
    assert answer.headers["Link"] == '</api/users?sort=name&page_size=3>; rel="first"'


def test_a_cursor_is_good_for_its_own_list_only_and_cannot_be_made(client, there, make_app):
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
    assert "ada" not in cursor.lower()


def test_a_user_just_created_is_in_the_next_list_and_its_total(client, there):
    client.post("/api/users", json=ADA | {"email": "new@example.com", "name": "Newest"})
    answer = client.get("/api/users?page_size=1")
    assert (answer.json["data"][0]["name"], answer.json["pagination"]["total_items"]) == ("Newest", 6)


def test_only_who_may_restore_lists_the_deleted(guarded, services, stored):
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


def test_totals_follow_every_change_and_are_counted_anew_when_they_do_not(client, there, stored, services):
    def totals():
        return [
            client.get(f"/api/users?{query}").json["pagination"]["total_items"]
            for query in ("", "role=user", "role=moderator", "is_active=false", "include_deleted=true")
        ]

    assert totals() == [5, 4, 1, 1, 5]
    client.patch("/api/users/countess", json={"role": "moderator", "is_active": False})
    client.delete("/api/users/wealth")
    assert totals() == [4, 3, 1, 2, 5]
    client.delete("/api/users/adele@example.com?purge=true")
    client.post("/api/users/wealth/restore")
    assert totals() == [4, 2, 2, 2, 4]
    stored.user_tallies.update_one({}, {"$inc": {"counts.user:10": 7}})
    assert tallies.recount() is True
    assert totals() == [4, 2, 2, 2, 4]
    assert tallies.recount() is False


def test_a_tally_that_is_wrong_hides_nobody(client, there, stored):
    stored.user_tallies.update_many({}, {"$set": {"counts": {}}})
    assert len(client.get("/api/users").json["data"]) == 5


@pytest.mark.parametrize("sort", ["name", "-email", "username", "name,-created_at"])
def test_too_many_beginnings_are_not_sorted_by_them_but_told(client, there, monkeypatch, sort):
    monkeypatch.setattr(dao, "MOST_SORTED", 3)
    answer = client.get(f"/api/users?q=a&sort={sort}")
    assert names(client.get(f"/api/users?q=ada&sort={sort}")) == {"Ada Lovelace", "Adam Smith"}
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "too_broad")
    assert client.get("/api/users?q=a").status_code == 200


FILTERS = {
    "role": "user",
    "is_active": "true",
    "email": "ada@example.com",
    "username": "countess",
    "created_after": "2000-01-01T00:00:00Z",
    "created_before": "2100-01-01T00:00:00Z",
    "q": "a",
    "include_deleted": "true",
}
SORTS = [f"{sign}{key}" for sign, key in product(("", "-"), SORTABLE)] + ["name,-created_at", "-last_login,username"]


def test_no_combination_that_is_offered_scans_the_collection(client, there, stored):
    chosen = [set(some) for size in range(len(FILTERS) + 1) for some in combinations(FILTERS, size)]
    stored.system.profile.drop()
    stored.create_collection("system.profile", capped=True, size=2**26)
    stored.command("profile", 2)
    try:
        for number, names_ in enumerate(chosen):
            query = "&".join(f"{name}={quote(FILTERS[name])}" for name in names_)
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
    unsorted = [plan["command"] for plan in plans if plan.get("hasSortStage") and _needs_no_sort(plan["command"])]
    assert unsorted == []


def _needs_no_sort(command):
    """One key, and nothing that another index finds first."""
    found = {"$or", "role", "email_key", "username_key", "created_at"} & command.get("filter", {}).keys()
    return len(command.get("sort", {})) == 2 and not found and "$and" not in command.get("filter", {})
