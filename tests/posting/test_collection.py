"""Every request of the posting collection gets the status that its description promises."""

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
ENV_FILES = (FOLDER / "rollbook.env", FOLDER / "admin.env.example")
SETTINGS = GUARDED | {"WORKERS": 1, "RATELIMIT_ENABLED": "true", "RATELIMIT_AUTH": "12/minute"}
"""The other limits are the default ones, which allow the whole collection."""


@pytest.fixture
def server(mongod, tmp_path):
    """With a separate database, because the limits count the attempts of an hour in it."""
    name = f"posting_{tmp_path.name[:40]}"
    with serving(tmp_path, MONGODB_URI=mongod.uri, MONGODB_DBNAME=name, **SETTINGS) as running:
        running.await_status("/ready", 200)
        yield running


def list_requests(collection):
    """In the order in which posting shows them."""
    nested = [request for child in collection.children for request in list_requests(child)]
    return [*collection.requests, *nested]


def send_like_posting(request, app):
    """Fill in the variables, send the request, and run its script."""
    request.apply_template(get_variables())

    async def send():
        async with httpx.AsyncClient(timeout=10) as client:
            return await client.send(request.to_httpx(client))

    response = asyncio.run(send())
    if request.scripts.on_response:
        execute_script(FOLDER, request.scripts.on_response, "on_response")(response, Posting(app))
    return response


@pytest.mark.long
def test_posting_collection_gets_promised_statuses(server, tmp_path, capsys):
    load_variables(ENV_FILES, use_host_environment=False, avoid_cache=True)
    mail = {"MAIL_FOLDER": str(tmp_path / ".data" / "mail")}
    update_variables({"BASE_URL": server.url, **ADMIN, **mail})
    app = SimpleNamespace(session_env={})
    requests = list_requests(Collection.from_directory(str(FOLDER)))
    assert len(requests) == len(list(FOLDER.rglob("*.posting.yaml"))) > 45
    for request in requests:
        expected = int(re.search(r"Answers (\d{3})\.", request.description).group(1))
        response = send_like_posting(request, app)
        assert response.status_code == expected, (request.name, response.text)
    assert re.fullmatch("[0-9a-f]{24}", app.session_env["USER_ID"])
    for name in ("ACCESS_TOKEN", "ADMIN_TOKEN"):
        assert app.session_env[name].count(".") == 2
    assert "Failed to load" not in capsys.readouterr().out
    assert {request.method for request in requests} == {"GET", "POST", "PUT", "PATCH", "DELETE"}


def test_http_file_gets_promised_statuses(server):
    text = (FOLDER / "requests.http").read_text()
    variables = dict(re.findall(r"^@(\w+) = (.*)$", text, re.M)) | {"base": server.url}
    blocks = text.split("### ")[1:]
    assert len(blocks) == 12
    for block in blocks:
        title, _, rest = re.sub(r"^# .*\n", "", block, flags=re.M).partition("\n")
        request = re.sub(r"{{([\w.]+)}}", lambda match: variables[match[1]], rest)
        head, _, body = request.partition("\n\n")
        line, *lines = head.strip().splitlines()
        method, url = line.split(" ", 1)
        headers = dict(header.split(": ", 1) for header in lines)
        response = httpx.request(method, url, headers=headers, content=body.strip() or None)
        assert response.status_code == int(title[-3:]), (title, response.text)
        if name := re.search(r"@name (\w+)", block):
            for field, value in response.json()["data"].items():
                variables[f"{name[1]}.response.body.data.{field}"] = str(value)
