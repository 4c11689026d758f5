"""ETag, If-Match and If-None-Match prevent lost updates."""

import gzip
from concurrent.futures import ThreadPoolExecutor

import pytest

from rollbook.access.principal import COMMAND_LINE
from rollbook.kit.errors import StaleVersion
from rollbook.kit.preconditions import Expected
from rollbook.roles.schemas import RoleCreate
from rollbook.users.schemas import UserPatch
from tests.conftest import ADA


def test_body_etag_and_audit_log_show_the_same_version(client, stored):
    responses = [client.post("/api/users", json=ADA)]
    path = responses[0].headers["Location"]
    responses += [
        client.patch(path, json={"name": "Two"}),
        client.put(path, json={"name": "Three"}),
    ]
    responses += [
        client.delete(path, headers={"Prefer": "return=representation"}),
        client.post(f"{path}/restore"),
    ]
    assert [response.json["data"]["version"] for response in responses] == [1, 2, 3, 4, 5]
    assert [response.headers["ETag"] for response in responses] == [
        f'"{number}"' for number in range(1, 6)
    ]
    assert [entry["version"] for entry in stored.audit.find().sort("_id", 1)] == [1, 2, 3, 4, 5]
    assert client.get(path).headers["ETag"] == '"5"'


@pytest.mark.parametrize("method", ["patch", "put", "delete"])
def test_stale_if_match_returns_412(client, ada, stored, method):
    tag = {"If-Match": client.get(f"/api/users/{ada['id']}").headers["ETag"]}
    assert (
        client.patch(f"/api/users/{ada['id']}", json={"name": "First"}, headers=tag).status_code
        == 200
    )
    body = {} if method == "delete" else {"json": {"name": "Second"}}
    response = getattr(client, method)(f"/api/users/{ada['id']}", headers=tag, **body)
    assert (response.status_code, response.json["error"]["code"]) == (412, "stale_version")
    assert client.get(f"/api/users/{ada['id']}").json["data"]["name"] == "First"
    assert stored.audit.count_documents({}) == 2


def test_stale_restore_or_purge_returns_412(client, ada):
    path = f"/api/users/{ada['id']}"
    client.delete(path)
    assert client.post(f"{path}/restore", headers={"If-Match": '"1"'}).status_code == 412
    assert client.delete(f"{path}?purge=true", headers={"If-Match": '"1"'}).status_code == 412
    assert client.post(f"{path}/restore", headers={"If-Match": '"2"'}).status_code == 200
    assert client.delete(f"{path}?purge=true", headers={"If-Match": '"1", "3"'}).status_code == 204


def test_if_match_is_checked_even_if_nothing_changes(client, ada):
    path = f"/api/users/{ada['id']}"
    assert (
        client.patch(path, json={"name": ada["name"]}, headers={"If-Match": '"2"'}).status_code
        == 412
    )
    assert client.patch(path, json={"name": "New"}, headers={"If-Match": "*"}).status_code == 200
    assert (
        client.patch(path, json={"name": "Newer"}, headers={"If-Match": "nonsense"}).status_code
        == 412
    )


def test_matching_if_none_match_returns_304(client, ada):
    path = f"/api/users/{ada['id']}"
    for tag in ('"1"', 'W/"1"', '"0", "1"', "*", '"1:zstd"'):
        response = client.get(path, headers={"If-None-Match": tag})
        assert (response.status_code, response.get_data()) == (304, b"")
        assert response.headers["ETag"] == (tag if "zstd" in tag else '"1"')
        assert response.headers["Cache-Control"] == "private, no-cache"
        assert "Content-Type" not in response.headers
    client.patch(path, json={"name": "New"})
    assert client.get(path, headers={"If-None-Match": '"1"'}).status_code == 200
    assert client.get(path, headers={"If-None-Match": "nonsense"}).status_code == 200


def test_missing_if_match_returns_428_if_required(make_app, services):
    client = make_app(require_if_match=True).test_client()
    user = client.post("/api/users", json=ADA)
    path, tag = user.headers["Location"], {"If-Match": user.headers["ETag"]}
    services.roles.create_role(RoleCreate(name="spare", permissions=[]), actor=COMMAND_LINE)
    for response in (
        client.patch(path, json={"name": "X"}),
        client.put(path, json={"name": "X"}),
        client.delete(path),
        client.delete(path, headers={"If-Match": " "}),
        client.delete(f"{path}?purge=true"),
        client.post(f"{path}/restore"),
        client.put("/api/roles/spare", json={"description": "x"}),
        client.delete("/api/roles/spare"),
    ):
        assert (response.status_code, response.json["error"]["code"]) == (
            428,
            "precondition_required",
        )
    assert client.get(path).json["data"] == user.json["data"]
    assert client.patch(path, json={"name": "X"}, headers=tag).status_code == 200


def test_roles_support_etags(client, stored):
    role = client.post("/api/roles", json={"name": "spare", "permissions": []})
    path, tag = role.headers["Location"], {"If-Match": role.headers["ETag"]}
    assert client.get(path, headers={"If-None-Match": '"1"'}).status_code == 304
    assert client.put(path, json={"description": "One."}, headers=tag).headers["ETag"] == '"2"'
    assert client.put(path, json={"description": "Two."}, headers=tag).status_code == 412
    assert client.delete(path, headers=tag).status_code == 412
    assert client.delete(path, headers={"If-Match": '"2"'}).status_code == 204


def test_etag_survives_a_compressing_proxy(client, ada):
    """nginx weakens the ETag. Apache and Flask-Compress append the content coding to it."""
    path = f"/api/users/{ada['id']}"
    for number, template in enumerate(['W/"{}"', '"{}-gzip"', '"{}:gzip"'], 1):
        response = client.get(path)
        body, tag = (
            gzip.compress(response.get_data()),
            template.format(response.headers["ETag"].strip('"')),
        )
        assert str(number).encode() in gzip.decompress(body)
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
        assert (
            client.patch(path, json={"name": f"N{number}"}, headers={"If-Match": tag}).status_code
            == 200
        )
        assert (
            client.patch(path, json={"name": "Late"}, headers={"If-Match": tag}).status_code == 412
        )


def test_50_parallel_changes_create_50_versions(services, ada, stored):
    """Each thread changes the version that it read, and retries if that is stale."""

    def change(number):
        while True:
            user = services.users.read_user(ada["id"], actor=COMMAND_LINE)
            patch = UserPatch.model_validate(
                {"name": f"{user['name'][:3]} {number}"}, context={"name_max_length": 30}
            )
            try:
                expected = Expected(frozenset({user["version"]}))
                return services.changes.change_user(
                    ada["id"], patch, actor=COMMAND_LINE, expected=expected
                ).version
            except StaleVersion:
                continue

    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(change, range(50)))
    assert sorted(versions) == list(range(2, 52))
    entries = stored.audit.find({"action": "user.updated"}).sort("version", 1)
    assert [entry["version"] for entry in entries] == list(range(2, 52))
