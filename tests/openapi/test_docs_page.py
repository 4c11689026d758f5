"""The documentation, as a person sees it: in a browser, offline, with a clean console."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import sync_playwright

from rollbook.openapi.specification import list_operations
from tests import people
from tests.conftest import ADA, PASSWORD
from tests.harness.browser import CHROMIUM, QUIET, needs_chromium, serving


@pytest.fixture
def address(make_app) -> Iterator[str]:
    with serving(make_app()) as url:
        yield url


def execute(page, operation: str) -> int:
    """Send what the page has prefilled, and return the status."""
    block = f"#operations-{operation}"
    page.click(f"{block} .opblock-summary-control")
    page.click(f"{block} button.execute")
    status = f"{block} .live-responses-table tbody .response-col_status"
    page.wait_for_selector(status)
    shown = int(page.inner_text(status).split()[0])
    page.click(f"{block} .opblock-summary-control")  # Closed, since each open one slows the page.
    return shown


@pytest.mark.long
@pytest.mark.slow
@needs_chromium
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
        assert page.title() == "rollbook API"
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


PREFILLED = [
    ("auth-read_me", 200),
    ("users-create_user", 201),
    ("users-list_users", 200),
    ("users-read_user", 200),
    ("users-change_user", 200),
    ("users-update_user", 200),
    ("users-list_user_history", 200),
    ("roles-create_role", 201),
    ("roles-put_role", 200),
    ("roles-read_role", 200),
    ("roles-delete_role", 204),
    ("users-delete_user", 204),
    ("users-restore_user", 200),
    ("audit-list_audit", 200),
]


@pytest.mark.long
@needs_chromium
def test_page_signs_in_and_prefilled_examples_work(make_app, services, stored):
    people.add(services, "root", role="admin")
    app = make_app(auth_required=True, app_name="Orders & Co")
    with serving(app) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page()
        page.goto(f"{address}/docs")
        assert page.title() == "Orders & Co API"
        for password, message in (("wrong", "Invalid credentials."), (PASSWORD, "Signed in as")):
            page.fill("[name=account]", "root")
            page.fill("[name=password]", password)
            page.click("#sign-in button")
            page.wait_for_function(
                "text => document.querySelector('output').value.startsWith(text)", arg=message
            )
        page.reload()
        page.wait_for_selector("#operations-auth-read_me")
        assert {name: execute(page, name) for name, _ in PREFILLED} == dict(PREFILLED)
        browser.close()


def test_page_sends_only_its_own_files(client):
    with client.get("/docs/page.js") as response:
        assert b"SwaggerUIBundle" in response.data
    assert client.get("/docs/").status_code == 200
    for path in ("index.html", "oauth2-redirect.html", "../app.py", "%2e%2e/resources.py"):
        assert client.get(f"/docs/{path}").status_code == 404
