"""The pages in a real Chromium: without scripts, by keyboard, on a phone, and with axe-core."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from rollbook.access.permissions import EVERYTHING
from rollbook.access.principal import COMMAND_LINE, ActorKind, Principal
from rollbook.invitations.schemas import InvitationIn
from rollbook.settings import Settings
from rollbook.users.schemas import UserPatch
from tests import people
from tests.conftest import build_app
from tests.harness.browser import CHROMIUM, QUIET, needs_chromium, serving
from tests.harness.node import install_packages, needs_node
from tests.harness.post import read_text, read_token

NEW = "another row of long words"
SCREENSHOTS = os.environ.get("SCREENSHOTS")
"""A folder for pictures of the pages, for people."""
VIEWPORTS = {"phone": {"width": 360, "height": 640}, "desktop": {"width": 1280, "height": 800}}
AXE = """async () => {
    const { violations } = await axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`);
}"""


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    folder = tmp_path_factory.mktemp("axe")
    shutil.copy(Path(__file__).parent / "axe" / "package.json", folder)
    install_packages(folder)
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.fixture
def post_settings(post_settings):
    """With links to sign in, which lead to the page of rollbook."""
    changes = {
        "sign_in_links": True,
        "refresh_cookie": True,
        "cors_origins": "https://app.house.org",
    }
    return Settings.model_validate(post_settings.model_dump() | changes)


@pytest.fixture
def tokens(post, api):
    """The tokens of three links of one user, and of an invitation, by page."""
    people.add(post.services, "ada", locale="de")
    verify = read_token(post.deliver_one())
    api.post("/api/auth/password/forgot", json={"email": "ada@example.com"})
    reset = read_token(post.deliver_one())
    new = InvitationIn.model_validate({"email": "bob@example.com"}, context={"name_max_length": 30})
    post.services.invitations.invite(new, actor=COMMAND_LINE)
    invitation = read_token(post.deliver_one())
    api.post("/api/auth/link", json={"email": "ada@example.com"})
    link = read_token(post.deliver_one())
    return {"verify": verify, "reset": reset, "invitation": invitation, "link": link}


@pytest.fixture(params=[True, False], ids=["guarded", "open"])
def url(request, database, post_settings, stored):
    app = build_app(database, post_settings, auth_required=request.param)
    with serving(app) as running:
        yield running


@contextmanager
def opened(**options):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser.new_context(**options).new_page()
        browser.close()


def watch(page):
    """What the page complains about, and the hosts that it asks."""
    complaints, hosts = [], set()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    return complaints, hosts


def save(page, name):
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", full_page=True)


def change_address(post):
    """Let the user change their address, and return the token for the former one."""
    users = post.services.users
    user = users.read_user("ada@example.com", actor=COMMAND_LINE)
    owner = Principal(ActorKind.USER, str(user["_id"]), EVERYTHING)
    patch = {"email": "new@example.com", "current_password": NEW}
    changes = UserPatch.model_validate(patch)
    post.services.changes.change_user(str(user["_id"]), changes, actor=owner)
    token = next(read_token(m) for m in post.deliver() if "/account/verify?" in read_text(m))
    post.services.account.verify(token, actor=owner)
    return read_token(post.deliver_one())


def register(database, settings, post):
    """Register where EMAIL_VERIFICATION=required, and return the token."""
    people.add(post.services, "root", role="admin", email_verified=True)
    required = settings.model_copy(update={"email_verification": "required"})
    body = {"email": "carol@example.com", "name": "Carol", "password": NEW}
    api = build_app(database, required, auth_required=True).test_client()
    assert api.post("/api/users", json=body).status_code == 202
    return read_token(post.deliver_one())


@pytest.mark.long
@needs_chromium
def test_keyboard_verifies_and_resets_without_scripts(url, tokens, api):
    with opened(java_script_enabled=False, viewport=VIEWPORTS["phone"]) as page:
        complaints, hosts = watch(page)
        page.goto(f"{url}/account/verify?token={tokens['verify']}")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=Adresse bestätigt")
        page.goto(f"{url}/account/link?token={tokens['link']}")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=Angemeldet")
        (cookie,) = page.context.cookies(f"{url}/api/auth/refresh")
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")
        page.goto(f"{url}/account/reset?token={tokens['reset']}")
        page.wait_for_selector("input:focus")
        page.keyboard.type("short")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=Mindestens 8 Zeichen.")
        page.wait_for_selector("input:focus")
        page.keyboard.type(NEW)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=Passwort festgelegt")
        page.goto(f"{url}/account/invitation?token={tokens['invitation']}")
        page.wait_for_selector("input:focus")
        page.keyboard.type("Bob")
        page.keyboard.press("Tab")
        page.keyboard.type("short")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=At least 8 characters.")
        page.wait_for_selector("input:focus")
        page.keyboard.type(NEW)
        page.keyboard.press("Enter")
        page.wait_for_selector("text=Account created")
        page.reload()
        assert hosts == {url.partition("//")[2]}
        assert [c for c in complaints if "400" not in c] == []
    assert people.sign_in(api, "ada@example.com", NEW).status_code == 200
    assert people.sign_in(api, "bob@example.com", NEW).json["data"]["user"]["name"] == "Bob"


@pytest.mark.long
@needs_chromium
@needs_node
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", VIEWPORTS)
def test_axe_finds_nothing(database, post_settings, post, tokens, axe, viewport, scheme):
    app = build_app(database, post_settings, auth_required=True)
    with (
        serving(app) as url,
        opened(viewport=VIEWPORTS[viewport], color_scheme=scheme) as page,
    ):

        def examine(name):
            page.evaluate(axe)
            save(page, f"{name}-{viewport}-{scheme}")
            assert page.evaluate(AXE) == [], name
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= VIEWPORTS[viewport]["width"], name

        page.goto(f"{url}/account/verify?token={tokens['verify']}")
        examine("verify")
        page.click("button")
        examine("verified")
        page.goto(f"{url}/account/verify?token={tokens['verify']}")
        examine("invalid")
        page.goto(f"{url}/account/verify?token={register(database, post_settings, post)}")
        examine("registration")
        page.goto(f"{url}/account/link?token={tokens['link']}")
        examine("link")
        page.click("button")
        examine("signed-in")
        page.goto(f"{url}/account/reset?token={tokens['reset']}")
        examine("reset")
        page.fill("input[type=password]", "short")
        page.click("button")
        examine("refused")
        page.fill("input[type=password]", NEW)
        page.click("button")
        examine("changed")
        page.goto(f"{url}/account/undo?token={change_address(post)}")
        examine("undo")
        page.click("button")
        examine("undone")
        page.goto(f"{url}/account/invitation?token={tokens['invitation']}")
        examine("invitation")
        page.fill("input[name=name]", "Bob")
        page.fill("input[type=password]", "short")
        page.click("button")
        examine("invitation-refused")
        page.fill("input[type=password]", NEW)
        page.click("button")
        examine("accepted")
