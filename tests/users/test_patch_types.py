"""PATCH as a merge patch (RFC 7396) and as a JSON Patch (RFC 6902); media types of bodies."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from rollbook.access.permissions import Permission
from rollbook.access.principal import COMMAND_LINE
from rollbook.roles.schemas import RoleCreate
from tests import people
from tests.conftest import ADA, PASSWORD

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"


def patch(client, path, operations, **headers):
    body = json.dumps(operations)
    return client.patch(path, data=body, content_type=JSON_PATCH, headers=headers)


def test_merge_patch_changes_what_is_sent(client, ada):
    body = json.dumps({"phone": "+15550100", "username": "countess"})
    changed = client.patch(f"/api/users/{ada['id']}", data=body, content_type=MERGE_PATCH)
    assert changed.status_code == 200
    assert changed.json["data"]["phone"] == "+15550100"
    cleared = client.patch(
        f"/api/users/{ada['id']}", data='{"phone": null}', content_type=MERGE_PATCH
    )
    assert cleared.json["data"]["phone"] is None


def test_roles_take_no_json_patch_and_say_what_they_take(client, stored):
    role = {"name": "support", "permissions": []}
    assert client.post("/api/roles", json=role).status_code == 201
    response = client.put("/api/roles/support", data="[]", content_type=JSON_PATCH)
    assert response.status_code == 415
    assert "application/json" in response.json["message"]


def test_json_patch_is_applied_as_one_change(client, ada, stored):
    operations = [
        {"op": "test", "path": "/version", "value": 1},
        {"op": "test", "path": "/username", "value": None},
        {"op": "replace", "path": "/name", "value": "Ada King"},
        {"op": "add", "path": "/username", "value": "countess"},
        {"op": "copy", "from": "/username", "path": "/first_name"},
    ]
    response = patch(client, f"/api/users/{ada['id']}", operations)
    assert response.status_code == 200
    changed = {"name": "Ada King", "username": "countess", "first_name": "countess", "version": 2}
    assert response.json["data"].items() >= changed.items()
    assert response.headers["ETag"] == '"2"'
    entry = stored.audit.find_one({"action": "user.updated"})
    assert entry["changes"].keys() == {"name", "username", "first_name"}
    removed = patch(client, f"/api/users/{ada['id']}", [{"op": "remove", "path": "/username"}])
    assert removed.json["data"]["username"] is None


@pytest.mark.parametrize(
    ("operations", "status", "code"),
    [
        ([{"op": "test", "path": "/name", "value": "Grace"}], 409, "patch_conflict"),
        ([{"op": "remove", "path": "/nothing"}], 409, "patch_conflict"),
        ([{"op": "remove", "path": "/name"}], 400, "validation_failed"),
        ([{"op": "replace", "path": "/id", "value": "x"}], 400, "validation_failed"),
        ([{"op": "replace", "path": "/email", "value": "x"}], 400, "validation_failed"),
        ([{"op": "test", "path": "/password", "value": PASSWORD}], 409, "patch_conflict"),
        ([{"op": "test", "path": "/password_hash", "value": None}], 409, "patch_conflict"),
        ({"name": "Grace"}, 400, "validation_failed"),
        ([{"op": "fly", "path": "/name"}], 400, "validation_failed"),
    ],
)
def test_refused_json_patch_changes_nothing(client, ada, operations, status, code):
    first = {"op": "replace", "path": "/first_name", "value": "Ada"}
    sent = [first, *operations] if isinstance(operations, list) else operations
    response = patch(client, f"/api/users/{ada['id']}", sent)
    assert (response.status_code, response.json["error"]["code"]) == (status, code)
    assert client.get(f"/api/users/{ada['id']}").json["data"] == ada


def nest(depth):
    return {"a": nest(depth - 1)} if depth else 1


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "/metadata/a", "value": nest(190)},
        {"op": "add", "path": "/metadata" + "/a" * 100, "value": 1},
        {"op": "test", "path": "/metadata", "value": nest(13)},
    ],
)
def test_deep_json_patch_returns_400(client, ada, operation):
    assert patch(client, f"/api/users/{ada['id']}", [operation]).status_code == 400


def test_json_patch_respects_if_match(client, ada):
    operations = [{"op": "replace", "path": "/name", "value": "Grace"}]
    path = f"/api/users/{ada['id']}"
    assert patch(client, path, operations, **{"If-Match": '"7"'}).status_code == 412
    assert patch(client, path, operations, **{"If-Match": '"1"'}).status_code == 200


def test_own_password_by_json_patch_needs_the_current_one(services, guarded, stored):
    ada = people.person(services, guarded, "ada")
    new = {"op": "add", "path": "/password", "value": "another row of words"}
    assert patch(guarded, "/api/users/me", [new], **ada.headers).status_code == 400
    proof = {"op": "add", "path": "/current_password", "value": PASSWORD}
    assert patch(guarded, "/api/users/me", [new, proof], **ada.headers).status_code == 200
    assert people.sign_in(guarded, ada.email, "another row of words").status_code == 200


def test_json_patch_needs_the_right_to_read(services, guarded, stored):
    changer = RoleCreate(name="changer", permissions=[Permission.USERS_UPDATE])
    services.roles.create_role(changer, actor=COMMAND_LINE)
    caller = people.person(services, guarded, "caller", role="changer")
    other = people.add(services, "other")
    for value in ("Other", "Another"):
        operations = [{"op": "test", "path": "/name", "value": value}]
        response = patch(guarded, f"/api/users/{other['id']}", operations, **caller.headers)
        assert response.status_code == 403


def test_tests_of_racing_json_patches_hold(make_app):
    """Each adds one to a number, if it is still the number that was read. No addition is lost."""
    make_client = make_app().test_client
    created = make_client().post("/api/users", json=ADA | {"last_name": "0"})
    path = created.headers["Location"]

    def add_one(_):
        client, status = make_client(), None
        while status != 200:
            number = client.get(path).json["data"]["last_name"]
            test = {"op": "test", "path": "/last_name", "value": number}
            new = {"op": "replace", "path": "/last_name", "value": str(int(number) + 1)}
            status = patch(client, path, [test, new]).status_code

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add_one, range(24)))
    assert make_client().get(path).json["data"]["last_name"] == "24"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "application/vnd.api+json",
        MERGE_PATCH,
        JSON_PATCH,
    ],
)
def test_other_media_type_or_charset_returns_415(client, stored, content_type):
    response = client.post("/api/users", data=json.dumps(ADA), content_type=content_type)
    assert response.status_code == 415
    assert "application/json" in response.json["message"]


def test_refused_patch_lists_the_types_in_accept_patch(client, ada):
    response = client.patch(f"/api/users/{ada['id']}", data="x", content_type="text/plain")
    assert response.status_code == 415
    assert response.headers["Accept-Patch"].split(", ") == [
        "application/json",
        MERGE_PATCH,
        JSON_PATCH,
    ]
