"""METADATA_SCHEMAS: what metadata has to match, and lists filtered by indexed members."""

import json

import pytest
from pymongo import MongoClient

from rollbook.database_parts import build_migrations
from rollbook.metadata.schema_file import SchemaFileError, load
from tests import people
from tests.conftest import ADA

SCHEMAS = {
    "metadata": {
        "type": "object",
        "properties": {
            "team": {"type": "string", "enum": ["blue", "red"], "x-indexed": True},
            "age": {"type": "integer", "minimum": 0, "x-indexed": True},
            "address": {
                "type": "object",
                "properties": {"city": {"type": "string", "x-indexed": True}},
                "required": ["city"],
            },
        },
        "additionalProperties": False,
    },
    "private_metadata": {"properties": {"vip": {"type": "boolean", "x-indexed": True}}},
}


@pytest.fixture
def schema_file(tmp_path):
    path = tmp_path / "schemas.json"
    path.write_text(json.dumps(SCHEMAS))
    return path


@pytest.fixture
def indexed(settings, schema_file, stored):
    """The test database with the indexes that the schemas declare."""
    with_file = settings.model_copy(update={"metadata_schemas": schema_file})
    build_migrations(with_file).apply()
    yield with_file
    build_migrations(settings).apply()


@pytest.fixture
def client(make_app, schema_file):
    return make_app(metadata_schemas=schema_file).test_client()


@pytest.mark.parametrize(
    ("metadata", "fields"),
    [
        ({"team": "green"}, ["metadata.team"]),
        ({"age": -1, "team": 1}, ["metadata.age", "metadata.team", "metadata.team"]),
        ({"address": {}}, ["metadata.address"]),
        ({"address": {"city": 5}}, ["metadata.address.city"]),
        ({"colour": "red"}, ["metadata"]),
    ],
)
@pytest.mark.parametrize("method", ["post", "patch"])
def test_refusal_names_the_path_and_not_the_value(client, method, metadata, fields):
    path = "/api/users"
    if method == "patch":
        path += "/" + client.post(path, json=ADA).json["data"]["id"]
    body = {"metadata": metadata} if method == "patch" else ADA | {"metadata": metadata}
    response = getattr(client, method)(path, json=body)
    assert response.status_code == 400
    details = response.json["error"]["details"]
    assert [detail["field"] for detail in details] == fields
    assert {detail["code"] for detail in details} == {"schema"}
    assert "green" not in response.text


def test_merged_metadata_has_to_match(client):
    good = ADA | {"metadata": {"address": {"city": "London"}}}
    path = client.post("/api/users", json=good).headers["Location"]
    assert client.patch(path, json={"metadata": {"team": "blue"}}).status_code == 200
    without_city = client.patch(path, json={"metadata": {"address": {"city": None}}})
    assert without_city.json["error"]["details"][0]["field"] == "metadata.address"
    assert client.patch(path, json={"metadata": {"address": None}}).status_code == 200


def test_kind_without_a_schema_holds_any_object(client):
    body = ADA | {"app_metadata": {"anything": [1, {"goes": True}]}}
    assert client.post("/api/users", json=body).status_code == 201


def test_schemas_are_served(make_app, services, schema_file, stored):
    client = make_app(auth_required=True, metadata_schemas=schema_file).test_client()
    ada, root = (
        people.person(services, client, name, role=role)
        for name, role in (("ada", "user"), ("root", "admin"))
    )
    assert client.get("/api/metadata-schemas").status_code == 401
    shown = ada.get("/api/metadata-schemas").json["data"]
    assert shown == {"metadata": SCHEMAS["metadata"], "app_metadata": {}}
    assert root.get("/api/metadata-schemas").json["data"] == SCHEMAS | {"app_metadata": {}}
    assert ada.get("/api/users").status_code == 403


def create(client, name, **metadata):
    body = {"name": name, "email": f"{name}@x.org", "password": ADA["password"]} | metadata
    assert client.post("/api/users", json=body).status_code == 201


def test_lists_are_filtered_by_indexed_members(indexed, client):
    create(client, "ada", metadata={"team": "blue", "age": 36, "address": {"city": "London"}})
    create(client, "bob", metadata={"team": "blue"}, private_metadata={"vip": True})
    create(client, "cyd", metadata={"team": "red", "age": 36})

    def find(query):
        response = client.get(f"/api/users?sort=name&{query}")
        assert response.status_code == 200, response.text
        return [user["name"] for user in response.json["data"]]

    assert find("metadata.team=blue") == ["ada", "bob"]
    assert find("metadata.team=blue&metadata.age=36") == ["ada"]
    assert find("metadata.address.city=London&q=ada") == ["ada"]
    assert find("private_metadata.vip=true") == ["bob"]
    assert find("metadata.team=") == ["ada", "bob", "cyd"]
    assert find("metadata.team=$ne") == []


def test_filter_follows_its_index(indexed, client, stored):
    create(client, "ada", metadata={"team": "blue"})
    stored.command("profile", 2)
    try:
        client.get("/api/users?metadata.team=blue")
    finally:
        stored.command("profile", 0)
    plans = [each["planSummary"] for each in stored.system.profile.find({"ns": "test.users"})]
    assert any("metadata.team" in plan for plan in plans)
    assert not any("COLLSCAN" in plan for plan in plans)
    stored.system.profile.drop()


@pytest.mark.parametrize(
    "query", ["metadata.age=x", "metadata.age=1_0e", "private_metadata.vip=1", "metadata.color=red"]
)
def test_wrong_filter_returns_400(client, query):
    response = client.get(f"/api/users?{query}")
    assert response.status_code == 400
    assert response.json["error"]["details"][0]["field"] == query.partition("=")[0]


def test_filter_by_private_metadata_needs_the_permission(make_app, services, schema_file, stored):
    client = make_app(auth_required=True, metadata_schemas=schema_file).test_client()
    moderator = people.person(services, client, "mod", role="moderator")
    assert moderator.get("/api/users?private_metadata.vip=true").status_code == 403


def test_filters_are_published(client):
    listed = client.get("/openapi.json").json["paths"]["/api/users"]["get"]["parameters"]
    schemas = {parameter["name"]: parameter["schema"] for parameter in listed}
    assert "private_metadata.vip" not in schemas, "everyone may read the document"
    assert schemas["metadata.team"] == {"type": "string", "enum": ["blue", "red"]}


def test_migrate_builds_and_drops_indexes(indexed, settings, mongod):
    with MongoClient(mongod.uri) as client:
        names = client.test.users.index_information
        assert "x-indexed:metadata.team" in names()
        assert build_migrations(indexed).find_problem() is None
        build_migrations(settings).apply()
        assert not [name for name in names() if name.startswith("x-indexed")]
        assert "x-indexed:metadata.team" in build_migrations(indexed).find_problem().message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "needs an object"),
        ('{"meta": {}}', "needs an object"),
        ('{"metadata": {"type": "thing"}}', "not a JSON Schema"),
        ('{"metadata": {"$ref": "https://evil.example/x"}}', "leads elsewhere"),
        ('{"metadata": {"properties": {"a": {"x-indexed": true}}}}', "metadata.a"),
        ('{"metadata": true}', "a schema is an object"),
        ('{"metadata": {"properties": {"a": {"$ref": "#/$defs/typo"}}}}', "leads nowhere"),
        ('{"metadata": {"$ref": "#"}}', "only to itself"),
        (
            json.dumps(
                {
                    "metadata": {
                        "properties": {
                            f"p{n}": {"type": "string", "x-indexed": True} for n in range(11)
                        }
                    }
                }
            ),
            "at most 10",
        ),
    ],
)
def test_unusable_file_is_refused(tmp_path, content, message):
    path = tmp_path / "schemas.json"
    path.write_text(content)
    with pytest.raises(SchemaFileError, match=message):
        load(path)
    with pytest.raises(SchemaFileError, match="cannot be read"):
        load(tmp_path / "missing.json")
