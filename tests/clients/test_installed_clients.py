"""The clients as a stranger installs them, with the lines of the README, on a real server."""

import re

import flask
import pytest
from playwright.sync_api import sync_playwright

from tests import people
from tests.clients.installed import install_python, install_typescript, run, run_typescript
from tests.conftest import PASSWORD
from tests.harness import browser
from tests.harness.node import needs_node
from tests.harness.serving import ROOT, serving
from tests.serving.guarded import ADMIN, GUARDED

pytestmark = pytest.mark.long
README_URL = "http://127.0.0.1:5000"


@pytest.fixture(scope="module")
def server(mongod, tmp_path_factory):
    settings = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "clients", **GUARDED}
    with serving(tmp_path_factory.mktemp("server"), **settings) as running:
        running.await_status("/ready", 200)
        yield running


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return install_typescript(tmp_path_factory.mktemp("project"))


def read_lines(page, language, server):
    """Return the lines in `language` of a page, for this server and its admin."""
    text = (ROOT / page).read_text()
    [lines] = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert len([line for line in lines.splitlines() if line]) <= 10
    lines = re.sub(r'(sign_?[iI]n)\("[^"]+", "[^"]+"\)', r'\1("{}", "{}")', lines)
    assert README_URL in lines
    filled = lines.replace(README_URL, server.url)
    return filled.replace('"{}", "{}"', f'"{ADMIN["ADMIN_EMAIL"]}", "{ADMIN["ADMIN_PASSWORD"]}"')


def test_python_lines_of_the_documents_run(server, tmp_path):
    python = install_python(tmp_path)
    (tmp_path / "lines.py").write_text(read_lines("README.md", "python", server))
    assert run(tmp_path, python, "lines.py").splitlines() == [
        "['alan@example.com']",
        "user_not_found: There is no such user.",
    ]
    (tmp_path / "lines.py").write_text(read_lines("docs/clients.md", "python", server))
    assert "alan" in run(tmp_path, python, "lines.py").splitlines()


@needs_node
def test_typescript_lines_of_the_readme_run(server, project):
    (project / "lines.ts").write_text(read_lines("README.md", "ts", server))
    assert run_typescript(project, "lines").splitlines() == [
        "grace@example.com",
        "user_not_found: There is no such user.",
    ]


@needs_node
def test_typescript_lines_of_the_documents_compile(project):
    [lines] = re.findall(r"```ts\n(.*?)```", (ROOT / "docs/clients.md").read_text(), re.DOTALL)
    (project / "document.ts").write_text(f'import {{ Rollbook }} from "rollbook-client";\n{lines}')
    run(project, project / "node_modules" / ".bin" / "tsc")
    (project / "document.ts").unlink()


@needs_node
def test_typescript_client_passes_its_tests(server, project):
    shown = run_typescript(project, "client.test", "--test", ROLLBOOK_URL=server.url, **ADMIN)
    assert re.search(r"^# pass 13$", shown, re.MULTILINE), shown
    assert "# fail 0" in shown


IN_PAGE = """async ([url, password]) => {
    const { Rollbook } = await import("/client.js");
    const rollbook = new Rollbook(url, { refreshCookie: true });
    if (password) await rollbook.signIn("ada", password);
    const user = await rollbook.get("/auth/me").catch((error) => ({ username: error.code }));
    if (!password) await rollbook.signOut();
    return [user.username, rollbook.tokens];
}"""


@needs_node
@browser.needs_chromium
def test_page_that_is_loaded_again_is_signed_in(project, make_app, services):
    people.add(services, "ada")
    page_app = flask.Flask("a page", static_folder=project / "node_modules/rollbook-client/dist")
    page_app.add_url_rule("/", "page", lambda: "<!doctype html><title>App</title>")
    page_app.add_url_rule("/client.js", "js", lambda: page_app.send_static_file("client.js"))
    with browser.serving(page_app) as origin, sync_playwright() as playwright:
        origin = origin.replace("127.0.0.1", "localhost")
        app = make_app(auth_required=True, cors_origins=origin, refresh_cookie=True)
        chromium = playwright.chromium.launch(executable_path=browser.CHROMIUM, args=browser.QUIET)
        page = chromium.new_page()
        with browser.serving(app) as api:
            api = api.replace("127.0.0.1", "localhost")
            seen = []
            for password in (PASSWORD, None, None):
                page.goto(origin)
                seen.append(page.evaluate(IN_PAGE, [api, password]))
        chromium.close()
    (signed_in, tokens), *later = seen
    assert (signed_in, list(tokens)) == ("ada", ["access"])
    assert later == [["ada", None], ["unauthenticated", None]]
