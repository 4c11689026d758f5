"""Every request of the collections, sent at a running server and answered as it says."""

import asyncio
import re
from types import SimpleNamespace

import httpx
import pytest
from posting.collection import Collection
from posting.variables import get_variables, load_variables, update_variables

from posting.scripts import Posting, execute_script
from tests.harness.serving import ROOT, serving
from tests.serving.guarded import ADMIN, GUARDED

FOLDER = ROOT / "posting"


SETTINGS = GUARDED | {"WORKERS": 1, "RATELIMIT_ENABLED": "true"}
"""With the limits as they are by default: a walk through everything stays within them."""


@pytest.fixture
def server(mongod, tmp_path):
    """On a database of its own: an hour of attempts is counted there."""
    name = f"posting_{tmp_path.name[:40]}"
    with serving(tmp_path, MONGODB_URI=mongod.uri, MONGODB_DBNAME=name, **SETTINGS) as running:
        running.await_status("/ready", 200)
        yield running


def requests_of(collection):
    """In the order in which posting shows them."""
    return [*collection.requests, *(request for child in collection.children for request in requests_of(child))]


def send(request, app):
    """As posting does: template, send, script."""
    request.apply_template(get_variables())

    async def sent():
        async with httpx.AsyncClient(timeout=10) as client:
            return await client.send(request.to_httpx(client))

    response = asyncio.run(sent())
    if request.scripts.on_response:
        execute_script(FOLDER, request.scripts.on_response, "on_response")(response, Posting(app))
    return response


def test_the_posting_collection_walks_through_everything(server, capsys):
    load_variables((FOLDER / "rollbook.env",), use_host_environment=False, avoid_cache=True)
    update_variables({"BASE_URL": server.url, **ADMIN})
    app = SimpleNamespace(session_env={})
    requests = requests_of(Collection.from_directory(str(FOLDER)))
    assert len(requests) == len(list(FOLDER.rglob("*.posting.yaml"))) > 45
    for request in requests:
        expected = int(re.search(r"Answers (\d{3})\.", request.description).group(1))
        response = send(request, app)
        assert response.status_code == expected, (request.name, response.text)
    assert re.fullmatch("[0-9a-f]{24}", app.session_env["USER_ID"])
    assert app.session_env["ACCESS_TOKEN"].count(".") == app.session_env["ADMIN_TOKEN"].count(".") == 2
    assert "Failed to load" not in capsys.readouterr().out
    assert {request.method for request in requests} == {"GET", "POST", "PUT", "PATCH", "DELETE"}


def test_the_http_file_walks_through_the_same(server):
    text = (FOLDER / "requests.http").read_text()
    known = dict(re.findall(r"^@(\w+) = (.*)$", text, re.M)) | {"base": server.url}
    blocks = text.split("### ")[1:]
    assert len(blocks) == 12
    for block in blocks:
        title, _, rest = re.sub(r"^# .*\n", "", block, flags=re.M).partition("\n")
        head, _, body = re.sub(r"{{([\w.]+)}}", lambda match: known[match[1]], rest).partition("\n\n")
        line, *headers = head.strip().splitlines()
        method, url = line.split(" ", 1)
        response = httpx.request(
            method, url, headers=dict(h.split(": ", 1) for h in headers), content=body.strip() or None
        )
        assert response.status_code == int(title[-3:]), (title, response.text)
        if named := re.search(r"@name (\w+)", block):
            data = response.json()["data"]
            known.update({f"{named[1]}.response.body.data.{field}": str(value) for field, value in data.items()})
