"""Every filter and every sort reads only a small multiple of the users that it returns."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from rollbook.access.principal import COMMAND_LINE
from rollbook.roles.schemas import RoleCreate
from rollbook.users.dao import users
from rollbook.users.filters import Filter, Selection
from rollbook.users.queries import FILTERS, SORT_KEYS, UserQuery
from rollbook.users.schemas import UserCreate
from tests.access.matrix import get_new_value, list_fields

CROWD = 4_000
START = datetime(2026, 1, 1, tzinfo=UTC)
LENGTHS = {"name_max_length": 30, "min_password_length": 8}
FACTOR = 10
"""Documents and keys that may be examined for each user that is returned."""
FIXED = 60
"""Documents and keys that may be examined in any case: the ends of index ranges, and counts."""


@pytest.fixture
def rare(services, stored):
    """A user who differs from a crowd in every field that has an example, found by each filter."""
    services.roles.create_role(RoleCreate(name="support", permissions=[]), actor=COMMAND_LINE)
    fields = {name: get_new_value(name) for name in list_fields()}
    fields |= {"name": "Ada Lovelace", "role": "support", "is_active": False}
    fields |= {"email_verified": True}
    new = UserCreate.model_validate(fields, context=LENGTHS)
    user = services.registration.create_user(new, actor=COMMAND_LINE)
    one = stored.users.find_one({})
    crowd = [
        {
            **{name: one[name] for name in ("password_hash", "version", "is_deleted")},
            "name": f"Crowd {number}",
            "name_key": f"crowd {number:05}",
            "email": f"crowd{number}@example.org",
            "email_key": f"crowd{number:05}@example.org",
            "username_key": f"crowd{number:05}",
            "role": "user",
            "is_active": True,
            "created_at": START + timedelta(minutes=number),
            "updated_at": START + timedelta(minutes=number),
            "last_login": START + timedelta(minutes=number),
        }
        for number in range(CROWD)
    ]
    stored.users.insert_many(crowd)
    users.recount()
    return stored.users.find_one({"_id": user.pk})


def get_narrow_value(name: str, declared: Filter, rare) -> str:
    """A value of the parameter that selects only a few users."""
    known = {
        "created_after": (START + timedelta(minutes=CROWD)).isoformat(),
        "created_before": (START + timedelta(minutes=2)).isoformat(),
        "q": "ada",
        "include_deleted": "true",
        "is_active": "false",
        "email_verified": "true",
    }
    return known.get(name) or str(rare.get(name) or rare[declared.field])


def measure(client, stored, query):
    """(examined, returned) of all database commands of one request."""
    stored.command("profile", 0)
    stored.system.profile.drop()
    stored.create_collection("system.profile", capped=True, size=2**22)
    stored.command("profile", 2)
    try:
        response = client.get(f"/api/users?{urlencode(query)}")
        assert response.status_code == 200, response.json
        commands = list(stored.system.profile.find({"ns": "test.users"}))
    finally:
        stored.command("profile", 0)
        stored.system.profile.drop()
    assert commands
    examined = [each.get("keysExamined", 0) + each.get("docsExamined", 0) for each in commands]
    return sum(examined), len(response.json["data"])


def find_slow(client, stored, queries):
    """Queries that examine too much, with what they examine."""
    slow = {}
    for name, query in queries.items():
        examined, returned = measure(client, stored, {"page_size": "20"} | query)
        if examined > FIXED + FACTOR * returned:
            slow[name] = f"examined {examined} for {returned}"
    return slow


def build_queries(rare):
    values = {name: get_narrow_value(name, declared, rare) for name, declared in FILTERS.items()}
    queries = {name: {name: value} for name, value in values.items()}
    queries |= {f"sort={key}": {"sort": key} for key in SORT_KEYS}
    return queries | {f"sort=-{key}": {"sort": f"-{key}"} for key in SORT_KEYS}


def test_lists_examine_a_small_multiple_of_what_they_return(client, stored, rare):
    queries = build_queries(rare)
    assert len(queries) == len(FILTERS) + 2 * len(SORT_KEYS)
    slow = find_slow(client, stored, queries)
    assert slow == {}, "add an index to users/documents.py and name it in the Filter"


def test_filter_without_an_index_is_found(client, stored, rare, monkeypatch):
    """A filter that reads every user through an index of another field."""
    selection = Selection({"phone": rare["phone"]}, {"phone": Filter("phone", index="none")})
    monkeypatch.setattr(UserQuery, "selection", lambda query: selection)
    slow = find_slow(client, stored, {"phone": {"sort": "name"}})
    assert list(slow) == ["phone"]
    assert int(slow["phone"].split()[1]) > CROWD
