"""No change is lost: ETag, If-Match, If-None-Match."""

import gzip
from concurrent.futures import ThreadPoolExecutor

import pytest

from rollbook.access.principal import COMMAND_LINE
from rollbook.kit.errors import StaleVersion
from rollbook.kit.preconditions import Expected
from rollbook.roles.schemas import RoleCreate
from rollbook.users.schemas import UserPatch
from tests.conftest import ADA


def test_one_version_stands_in_body_header_and_entry(client, stored):
    answers = [client.post("/api/users", json=ADA)]
    path = answers[0].headers["Location"]
    answers += [client.patch(path, json={"name": "Two"}), client.put(path, json={"name": "Three"})]
    answers += [client.delete(path, headers={"Prefer": "return=representation"}), client.post(f"{path}/restore")]
    assert [answer.json["data"]["version"] for answer in answers] == [1, 2, 3, 4, 5]
    assert [answer.headers["ETag"] for answer in answers] == [f'"{number}"' for number in range(1, 6)]
    assert [entry["version"] for entry in stored.audit.find().sort("_id", 1)] == [1, 2, 3, 4, 5]
    assert client.get(path).headers["ETag"] == '"5"'


@pytest.mark.parametrize("method", ["patch", "put", "delete"])
def test_of_two_clients_with_one_etag_one_is_told_to_read_again(client, ada, stored, method):
    tag = {"If-Match": client.get(f"/api/users/{ada['id']}").headers["ETag"]}
    assert client.patch(f"/api/users/{ada['id']}", json={"name": "First"}, headers=tag).status_code == 200
    body = {} if method == "delete" else {"json": {"name": "Second"}}
    answer = getattr(client, method)(f"/api/users/{ada['id']}", headers=tag, **body)
    assert (answer.status_code, answer.json["error"]["code"]) == (412, "stale_version")
    assert client.get(f"/api/users/{ada['id']}").json["data"]["name"] == "First"
    assert stored.audit.count_documents({}) == 2


def test_a_stale_restore_or_purge_is_412_and_a_fresh_one_is_not(client, ada):
    path = f"/api/users/{ada['id']}"
    client.delete(path)
    assert client.post(f"{path}/restore", headers={"If-Match": '"1"'}).status_code == 412
    assert client.delete(f"{path}?purge=true", headers={"If-Match": '"1"'}).status_code == 412
    assert client.post(f"{path}/restore", headers={"If-Match": '"2"'}).status_code == 200
    assert client.delete(f"{path}?purge=true", headers={"If-Match": '"1", "3"'}).status_code == 204


def test_a_stale_tag_is_told_before_nothing_to_change_and_a_star_matches_all(client, ada):
    path = f"/api/users/{ada['id']}"
    assert client.patch(path, json={"name": ada["name"]}, headers={"If-Match": '"2"'}).status_code == 412
    assert client.patch(path, json={"name": "New"}, headers={"If-Match": "*"}).status_code == 200
    assert client.patch(path, json={"name": "Newer"}, headers={"If-Match": "nonsense"}).status_code == 412


def test_what_the_caller_has_is_304_without_a_body(client, ada):
    path = f"/api/users/{ada['id']}"
    for tag in ('"1"', 'W/"1"', '"0", "1"', "*", '"1:zstd"'):
        answer = client.get(path, headers={"If-None-Match": tag})
        assert (answer.status_code, answer.get_data()) == (304, b"")
        assert (answer.headers["ETag"], answer.headers["Cache-Control"]) == ('"1"', "private, no-cache")
        assert "Content-Type" not in answer.headers
    client.patch(path, json={"name": "New"})
    assert client.get(path, headers={"If-None-Match": '"1"'}).status_code == 200
    assert client.get(path, headers={"If-None-Match": "nonsense"}).status_code == 200


def test_where_it_is_required_a_change_without_if_match_is_428_and_changes_nothing(make_app, services):
    client = make_app(require_if_match=True).test_client()
    user = client.post("/api/users", json=ADA)
    path, tag = user.headers["Location"], {"If-Match": user.headers["ETag"]}
    services.roles.create_role(RoleCreate(name="spare", permissions=[]), actor=COMMAND_LINE)
    for answer in (
        client.patch(path, json={"name": "X"}),
        client.put(path, json={"name": "X"}),
        client.delete(path),
        client.delete(path, headers={"If-Match": " "}),
        client.delete(f"{path}?purge=true"),
        client.post(f"{path}/restore"),
        client.put("/api/roles/spare", json={"description": "x"}),
        client.delete("/api/roles/spare"),
    ):
        assert (answer.status_code, answer.json["error"]["code"]) == (428, "precondition_required")
    assert client.get(path).json["data"] == user.json["data"]
    assert client.patch(path, json={"name": "X"}, headers=tag).status_code == 200


def test_roles_have_etags_too(client, stored):
    role = client.post("/api/roles", json={"name": "spare", "permissions": []})
    path, tag = role.headers["Location"], {"If-Match": role.headers["ETag"]}
    assert client.get(path, headers={"If-None-Match": '"1"'}).status_code == 304
    assert client.put(path, json={"description": "One."}, headers=tag).headers["ETag"] == '"2"'
    assert client.put(path, json={"description": "Two."}, headers=tag).status_code == 412
    assert client.delete(path, headers=tag).status_code == 412
    assert client.delete(path, headers={"If-Match": '"2"'}).status_code == 204


def test_a_change_goes_through_a_proxy_that_compresses(client, ada):
    """As nginx does (it weakens the tag) and as Apache and Flask-Compress do (they add the coding to it)."""
    path = f"/api/users/{ada['id']}"
    for number, spelled in enumerate(['W/"{}"', '"{}-gzip"', '"{}:gzip"'], 1):
        answer = client.get(path)
        body, tag = gzip.compress(answer.get_data()), spelled.format(answer.headers["ETag"].strip('"'))
        assert str(number).encode() in gzip.decompress(body)
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
        assert client.patch(path, json={"name": f"N{number}"}, headers={"If-Match": tag}).status_code == 200
        assert client.patch(path, json={"name": "Late"}, headers={"If-Match": tag}).status_code == 412


def test_50_parallel_changes_that_are_retried_make_50_versions_and_50_entries(services, ada, stored):
    """Each reads, changes what it read, and reads again when it was too late."""

    def change(number):
        while True:
            seen = services.users.read_user(ada["id"], actor=COMMAND_LINE)
            patch = UserPatch.model_validate({"name": f"{seen.name[:3]} {number}"}, context={"name_max_length": 30})
            try:
                expected = Expected(frozenset({seen.version}))
                return services.users.change_user(ada["id"], patch, actor=COMMAND_LINE, expected=expected).version
            except StaleVersion:
                continue

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(change, range(50)))
    assert sorted(made) == list(range(2, 52))
    entries = stored.audit.find({"action": "user.updated"}).sort("version", 1)
    assert [entry["version"] for entry in entries] == list(range(2, 52))
