"""Pages name settings, paths and links that exist. Each rule is seen to find a planted fault."""

import os
import re
from pathlib import Path

import pytest

from rollbook.setting_groups import GROUPS
from rollbook.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"]
DOCUMENTS += [path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md")]
PATH = re.compile(
    r"(?:src|tests|docs|posting|benchmarks|\.ci|\.github)/[\w./-]*\w"
    r"|(?<![\w/.])[\w-]+\.(?:py|md|toml|yml|txt|http)\b"
)


def render_default(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default is None else str(default)


EXAMPLE = """\
# Every setting with its default. Copy this file to .env and change what you need. Environment
# variables override .env. A setting can also be a file in /run/secrets, with its name in lower
# case. No secret has a default. `make settings` writes this file.
"""


def render_example() -> str:
    lines = []
    for group in GROUPS:
        lines.append(f"\n# -- {group.__doc__.rstrip('.')}\n")
        for name, field in group.model_fields.items():
            setting = f"{name.upper()}={render_default(field.default)}"
            lines.append(f"# {setting:<34} # {field.description}\n")
    return EXAMPLE + "".join(lines)


def test_env_example_lists_every_setting():
    example = ROOT / ".env.example"
    if os.environ.get("WRITE_SETTINGS"):
        example.write_text(render_example())
    assert example.read_text() == render_example(), "run make settings"


def test_every_setting_is_in_one_group():
    names = [name for group in GROUPS for name in group.model_fields]
    assert sorted(names) == sorted(Settings.model_fields)


SETTINGS_PAGE = """# Settings

Settings come from the environment, then from `.env` in the current folder, then from files in
`/run/secrets` with the name of the setting in lower case. An empty value means unset. A wrong value
stops the start with one line that names the setting. `.env.example` is a template.

No secret has a default. Where one is missing, the first start generates it in `DATA_DIR`, with mode
0600, and says so. `make settings` writes this page.
"""


def render_settings_page() -> str:
    rows = []
    for group in GROUPS:
        rows.append(f"\n## {group.__doc__.rstrip('.')}\n\n")
        rows.append("| setting | default | what it does |\n|---|---|---|\n")
        for name, field in group.model_fields.items():
            default = render_default(field.default)
            shown = f"`{default}`" if default else "unset"
            rows.append(f"| `{name.upper()}` | {shown} | {field.description} |\n")
    return SETTINGS_PAGE + "".join(rows)


def test_settings_page_is_current():
    page = ROOT / "docs" / "settings.md"
    if os.environ.get("WRITE_SETTINGS"):
        page.write_text(render_settings_page())
    assert page.read_text() == render_settings_page(), "run make settings"


def find_missing_paths(text: str, root: Path) -> list[str]:
    return [
        path
        for path in PATH.findall(text)
        if not (root / path).exists()
        and not (root / f"{path}.example").exists()  # To be copied to a file that git ignores.
        and not list(root.glob(f"src/**/{path}"))
    ]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_in_a_document_exists(document):
    assert find_missing_paths((ROOT / document).read_text(), ROOT) == []


def test_missing_path_is_found():
    text = "see src/rollbook/nowhere.py, README.md and absent.md"
    assert find_missing_paths(text, ROOT) == ["src/rollbook/nowhere.py", "absent.md"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_document_has_no_placeholder(document):
    assert re.findall(r"@[A-Z_]{4,}@|TODO|FIXME", (ROOT / document).read_text()) == []


def find_dead_links(text: str, folder: Path) -> list[str]:
    """Links to files that do not exist. Links to other sites are not followed."""
    links = re.findall(r"\]\(([^)#]+)", text)
    local = [link for link in links if not link.startswith("http")]
    return [link for link in local if not (folder / link).exists()]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_between_documents_works(document):
    path = ROOT / document
    assert find_dead_links(path.read_text(), path.parent) == []


def test_dead_link_is_found():
    text = "[a](docs/errors.md), [b](docs/nowhere.md), [c](https://example.com)"
    assert find_dead_links(text, ROOT) == ["docs/nowhere.md"]


NOT_IN_COMPOSE = {
    *("environment", "host", "port", "data_dir", "log_file"),  # The image sets them.
    *("mongodb_uri", "redis_url", "metrics_token"),  # In /run/secrets.
    *("mongod_bin", "allow_standalone"),  # For a private MongoDB, and one without transactions.
}


def test_compose_passes_every_setting_on():
    compose = (ROOT / "docker-compose.yml").read_text()
    passed = {name.lower() for name in re.findall(r"^      ([A-Z_]+):", compose, re.MULTILINE)}
    assert Settings.model_fields.keys() - NOT_IN_COMPOSE - passed == set()
