"""External ids, and users who are imported with their id."""

import pytest

from rollbook.access.permissions import Permission
from rollbook.access.principal import COMMAND_LINE
from rollbook.roles.schemas import RoleCreate
from tests import people
from tests.conftest import ADA, PASSWORD

ID = "665f1c2ab8e4d90012a3b4c5"
EXTERNAL = "auth0|5f7c8ec7"


def test_external_id_is_a_reference_and_a_filter(client, stored):
    created = client.post("/api/users", json=ADA | {"external_id": EXTERNAL})
    assert created.status_code == 201
    user = created.json["data"]
    assert user["external_id"] == EXTERNAL
    for ref in (f"ext:{EXTERNAL}", f"ext:{EXTERNAL.replace('|', '%7C')}"):
        assert client.get(f"/api/users/{ref}").json["data"] == user
    found = client.get("/api/users", query_string={"external_id": EXTERNAL}).json["data"]
    assert [each["id"] for each in found] == [user["id"]]
    assert client.get("/api/users?external_id=AUTH0%7C5f7c8ec7").json["data"] == []
    assert client.get("/api/users/ext:").status_code == 404
    cleared = client.patch(f"/api/users/ext:{EXTERNAL}", json={"external_id": None})
    assert cleared.json["data"]["external_id"] is None


def test_external_id_is_unique_until_its_user_is_deleted(client, stored):
    first = client.post("/api/users", json=ADA | {"external_id": EXTERNAL}).json["data"]
    second = {"email": "b@x.org", "password": PASSWORD, "external_id": EXTERNAL}
    refused = client.post("/api/users", json=second)
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "external_id_taken")
    client.delete(f"/api/users/{first['id']}")
    assert client.post("/api/users", json=second).status_code == 201
    restored = client.post(f"/api/users/{first['id']}/restore")
    assert restored.json["error"]["code"] == "external_id_taken"


@pytest.mark.parametrize("value", ["", "x" * 256, "a\nb", " ", "a/b", "a/", 5])
def test_invalid_external_id_returns_400(client, stored, value):
    assert client.post("/api/users", json=ADA | {"external_id": value}).status_code == 400


def test_users_cannot_choose_their_external_id(services, guarded, stored):
    people.add(services, "root", role="admin")
    assert guarded.post("/api/users", json=ADA | {"external_id": "x"}).status_code == 403
    ada = people.person(services, guarded, "ada")
    assert ada.patch("/api/users/me", json={"external_id": "x"}).status_code == 403


def test_imported_user_keeps_the_id(client, stored):
    created = client.post("/api/users", json=ADA | {"id": ID})
    assert (created.status_code, created.json["data"]["id"]) == (201, ID)
    assert created.headers["Location"] == f"/api/users/{ID}"
    other = {"email": "b@x.org", "password": PASSWORD, "id": ID}
    client.delete(f"/api/users/{ID}")
    refused = client.post("/api/users", json=other)
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "id_taken")


@pytest.mark.parametrize("value", ["", "x" * 24, ID.upper(), ID + "0", 5])
def test_invalid_id_returns_400(client, stored, value):
    response = client.post("/api/users", json=ADA | {"id": value})
    assert response.json["error"]["details"][0]["field"] == "id"


def test_null_id_is_the_same_as_none(client, stored):
    created = client.post("/api/users", json=ADA | {"id": None, "external_id": None})
    assert created.status_code == 201


def test_choosing_an_id_needs_the_permission(services, guarded, stored):
    without = [each for each in Permission if each != Permission.USERS_IMPORT]
    services.roles.create_role(RoleCreate(name="clerk", permissions=without), actor=COMMAND_LINE)
    clerk = people.person(services, guarded, "clerk", role="clerk")
    refused = clerk.post("/api/users", json=ADA | {"id": ID})
    assert refused.status_code == 403
    assert "users:import" in refused.json["message"]
    assert clerk.post("/api/users", json=ADA).status_code == 201
