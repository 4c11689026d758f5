"""Metadata of a user: who reads and writes each kind, and how it is merged and limited."""

import json

import pytest

from rollbook.access.permissions import Permission
from rollbook.access.principal import COMMAND_LINE
from rollbook.roles.schemas import RoleCreate
from tests import people
from tests.conftest import ADA, PASSWORD

KINDS = ("metadata", "app_metadata", "private_metadata")


@pytest.fixture
def admin(services, guarded, stored):
    return people.person(services, guarded, "root", role="admin")


@pytest.fixture
def owner(services, guarded, admin):
    owner = people.person(services, guarded, "ada")
    body = {kind: {"level": 1} for kind in KINDS}
    assert admin.patch(f"/api/users/{owner.id}", json=body).status_code == 200
    return owner


def test_admin_reads_and_writes_all_three(admin, owner):
    data = admin.get(f"/api/users/{owner.id}").json["data"]
    assert {kind: data[kind] for kind in KINDS} == {kind: {"level": 1} for kind in KINDS}


@pytest.mark.parametrize(
    ("kind", "status"), [("metadata", 200), ("app_metadata", 403), ("private_metadata", 403)]
)
def test_owner_writes_only_metadata(owner, kind, status):
    response = owner.patch("/api/users/me", json={kind: {"color": "red"}})
    assert response.status_code == status
    unchanged = owner.patch("/api/users/me", json={kind: {"level": 1}}).status_code
    assert unchanged == (403 if kind == "private_metadata" else 200)


PATHS = ["/api/users/me", "/api/auth/me", "/api/users/me/history", "/api/audit"]


@pytest.mark.parametrize("path", PATHS)
def test_owner_never_sees_private_metadata(owner, path):
    assert "private" not in owner.get(path).text
    assert "app_metadata" in owner.get(path).text


def test_signing_in_shows_no_private_metadata(owner, admin, guarded):
    for person in (owner, admin):
        signed_in = people.sign_in(guarded, person.email).json["data"]
        assert "private_metadata" not in signed_in["user"]
    admin.patch(f"/api/users/{owner.id}", json={"metadata": {"x": 1}})
    assert "private_metadata" not in owner.patch("/api/users/me", json={"phone": None}).text


def test_moderator_reads_no_private_metadata(owner, services, guarded):
    moderator = people.person(services, guarded, "mod", role="moderator")
    for path in (f"/api/users/{owner.id}", "/api/users", "/api/users?fields=id,private_metadata"):
        response = moderator.get(path)
        assert response.status_code == 200
        assert "private" not in response.text
    refused = moderator.patch(f"/api/users/{owner.id}", json={"private_metadata": {"risk": 1}})
    assert refused.status_code == 403
    assert "users:read_private" in refused.json["message"]
    changed = moderator.patch(f"/api/users/{owner.id}", json={"app_metadata": {"plan": "pro"}})
    assert changed.json["data"]["app_metadata"] == {"level": 1, "plan": "pro"}
    assert "private" not in changed.text


def test_json_patch_cannot_test_private_metadata(owner, services, guarded):
    moderator = people.person(services, guarded, "mod", role="moderator")
    for value in (1, 2):
        operations = [{"op": "test", "path": "/private_metadata/level", "value": value}]
        response = moderator.patch(
            f"/api/users/{owner.id}",
            data=json.dumps(operations),
            content_type="application/json-patch+json",
        )
        assert response.status_code == 409


def test_idempotent_replay_shows_what_the_caller_may_read_now(services, guarded, admin):
    everything = sorted(Permission)
    services.roles.create_role(RoleCreate(name="maker", permissions=everything), actor=COMMAND_LINE)
    maker = people.person(services, guarded, "maker", role="maker")
    body = ADA | {"private_metadata": {"risk": 3}}
    key = {"Idempotency-Key": "k"}
    assert "risk" in maker.post("/api/users", json=body, headers=key).text
    less = [each for each in everything if each != Permission.USERS_READ_PRIVATE]
    assert admin.put("/api/roles/maker", json={"permissions": less}).status_code == 200
    replayed = maker.post("/api/users", json=body, headers=key)
    assert replayed.headers["Idempotency-Replayed"] == "true"
    assert "risk" not in replayed.text


def test_purge_removes_metadata_from_the_audit_log(admin, owner, stored):
    admin.patch(f"/api/users/{owner.id}", json={"metadata": {"diary": "dear"}})
    admin.delete(f"/api/users/{owner.id}?purge=true")
    entries = list(stored.audit.find({"target_id": owner.id, "changes.metadata": {"$exists": 1}}))
    assert entries
    assert "diary" not in str(entries)


@pytest.mark.parametrize(
    ("patch", "result"),
    [
        ({"a": {"x": 2}}, {"a": {"x": 2, "y": [1]}, "b": True}),
        ({"a": {"y": None}}, {"a": {"x": 1}, "b": True}),
        ({"a": {"y": [2, None]}}, {"a": {"x": 1, "y": [2, None]}, "b": True}),
        ({"b": 1}, {"a": {"x": 1, "y": [1]}, "b": 1}),
        ({"b": None, "a": None}, {}),
        (None, {}),
    ],
)
@pytest.mark.parametrize("method", ["patch", "put"])
def test_change_is_merged(client, method, patch, result):
    body = ADA | {"metadata": {"a": {"x": 1, "y": [1], "z": None}, "b": True}}
    created = client.post("/api/users", json=body).json["data"]
    path = f"/api/users/{created['id']}"
    assert created["metadata"] == {"a": {"x": 1, "y": [1]}, "b": True}
    changed = getattr(client, method)(path, json={"metadata": patch})
    assert json.dumps(changed.json["data"]["metadata"], sort_keys=True) == json.dumps(
        result, sort_keys=True
    )
    assert changed.json["data"]["version"] == 2
    again = client.get(path).json["data"]
    assert again == changed.json["data"]


def test_json_patch_reaches_into_metadata(client, ada):
    operations = [
        {"op": "add", "path": "/metadata/tags", "value": ["a"]},
        {"op": "add", "path": "/metadata/tags/-", "value": "b"},
        {"op": "test", "path": "/metadata/tags/0", "value": "a"},
        {"op": "remove", "path": "/metadata/tags/0"},
        {"op": "add", "path": "/metadata/team", "value": {"name": "blue"}},
        {"op": "remove", "path": "/metadata/team/name"},
    ]
    response = client.patch(
        f"/api/users/{ada['id']}",
        data=json.dumps(operations),
        content_type="application/json-patch+json",
    )
    assert response.json["data"]["metadata"] == {"tags": ["b"], "team": {}}


@pytest.mark.parametrize(
    "value",
    [
        {"_cls": "User", "_id": "665f1c2ab8e4d90012a3b4c5"},
        {"a": {"_cls": "User", "_id": "665f1c2ab8e4d90012a3b4c5"}},
        {"a": {"_cls": "Nothing"}, "b": {"_ref": 1}, "_types": ["User"]},
    ],
)
def test_names_of_mongoengine_mean_nothing(client, stored, value):
    created = client.post("/api/users", json=ADA | {"metadata": value})
    assert (created.status_code, created.json["data"]["metadata"]) == (201, value)
    path = f"/api/users/{created.json['data']['id']}"
    changed = client.patch(path, json={"metadata": {"c": value}, "app_metadata": value})
    assert changed.json["data"]["metadata"] == value | {"c": value}
    assert client.get(f"{path}/history").json["data"][0]["changes"]["app_metadata"] == {
        "before": None,
        "after": value,
    }
    assert client.get("/api/audit").status_code == 200
    assert client.get(path).json["data"] == changed.json["data"]


def test_changes_do_not_reveal_private_metadata(owner):
    for guess in ({"level": 1}, {"level": 2}, {"other": None}, {"a": "x" * 17_000}, None):
        response = owner.patch("/api/users/me", json={"private_metadata": guess})
        assert response.status_code == 403, guess


def nest(depth):
    return {"a": nest(depth - 1)} if depth else 1


@pytest.mark.parametrize(
    "value",
    [
        '{"$set": {"role": "admin"}}',
        '{"a": {"$gt": ""}}',
        '{"a.b": 1}',
        '{"": 1}',
        '{"a\\u0000": 1}',
        json.dumps({"n" * 101: 1}),
        '{"a": 9223372036854775808}',
        '{"a": NaN}',
        '{"a": 1e999}',
        json.dumps(nest(11)),
        '"text"',
        "[1]",
        json.dumps({"a": "x" * 16_384}),
        json.dumps({"a": "€" * 6_000}),
    ],
)
def test_what_cannot_be_stored_returns_400(client, ada, value):
    body = f'{{"metadata": {value}}}'
    response = client.patch(
        f"/api/users/{ada['id']}", data=body.encode(), content_type="application/json"
    )
    assert response.status_code == 400
    assert client.get(f"/api/users/{ada['id']}").json["data"] == ada


def test_size_counts_what_is_stored_already(client, ada):
    path = f"/api/users/{ada['id']}"
    assert client.patch(path, json={"metadata": {"a": "x" * 9_000}}).status_code == 200
    refused = client.patch(path, json={"metadata": {"b": "x" * 9_000}})
    assert refused.json["error"]["details"][0]["field"] == "metadata"
    assert client.patch(path, json={"metadata": {"a": None, "b": "x" * 9_000}}).status_code == 200


def test_registration_takes_only_metadata(services, guarded, admin):
    for kind, status in (("metadata", 201), ("app_metadata", 403), ("private_metadata", 403)):
        body = {"email": f"{kind}@x.org", "password": PASSWORD, kind: {"a": 1}}
        assert guarded.post("/api/users", json=body).status_code == status
