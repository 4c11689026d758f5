"""The documentation, as a person sees it: in a browser, offline, with a clean console."""

import shutil
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import sync_playwright
from werkzeug.serving import make_server

from rollbook.openapi.specification import list_operations
from tests.conftest import ADA

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
QUIET = [
    *(
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
    ),
    *("--disable-component-update", "--disable-sync"),
]


@pytest.fixture
def address(make_app) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, make_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium; .ci/run installs one")
def test_docs_page_lists_operations_and_loads_nothing_else(address, client, make_app, tmp_path):
    operations = len(list(list_operations(make_app())))
    client.post("/api/users", json=ADA)
    complaints, hosts = [], set()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 1280, "height": 1400})
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        page.goto(f"{address}/docs")
        page.wait_for_selector("#operations-users-create_user")
        assert page.locator(".opblock").count() == operations
        page.screenshot(path=tmp_path / "docs.png", full_page=True)

        page.click("#operations-users-list_users .opblock-summary-control")
        page.click("#operations-users-list_users button.execute")
        page.wait_for_selector("#operations-users-list_users .live-responses-table")
        assert "ada@example.com" in page.inner_text(
            "#operations-users-list_users .live-responses-table"
        )
        browser.close()
    assert complaints == []
    assert hosts == {address.removeprefix("http://")}
