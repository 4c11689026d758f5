"""Laws of what is written about the code; each is seen to catch a violation that is planted for it."""

import re
from pathlib import Path

import pytest

from rollbook.settings import Settings

ROOT = Path(__file__).parents[2]


def faults_of_example(example: str) -> list[str]:
    """Every setting stands there once, commented out or empty, with its default."""
    lines = dict(re.findall(r"^#?\s?([A-Z_]+)=(\S*)", example, re.M))
    expected = {name.upper(): _written(field.default) for name, field in Settings.model_fields.items()}
    return sorted(name for name in lines.keys() | expected.keys() if lines.get(name) != expected.get(name))


def _written(default: object) -> str:
    return "" if default is None else str(default).lower() if isinstance(default, bool) else str(default)


def test_env_example_is_the_settings():
    assert faults_of_example((ROOT / ".env.example").read_text()) == []


def test_a_setting_that_is_missing_wrong_or_unknown_in_env_example_is_caught():
    example = (ROOT / ".env.example").read_text()
    example = example.replace("PORT=5000", "PORT=5001").replace("# WORKERS=2", "") + "\n# COLOUR=red\n"
    assert faults_of_example(example) == ["COLOUR", "PORT", "WORKERS"]


DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"]
DOCUMENTS += [path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md")]
PATH = re.compile(
    r"(?:src|tests|docs|posting|benchmarks|\.ci|\.github)/[\w./-]*\w"
    r"|(?<![\w/.])[\w-]+\.(?:py|md|toml|yml|txt|http)\b"
)


def absent_paths(text: str, root: Path) -> list[str]:
    return [path for path in PATH.findall(text) if not (root / path).exists() and not list(root.glob(f"src/**/{path}"))]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_that_a_document_names_exists(document):
    assert absent_paths((ROOT / document).read_text(), ROOT) == []


def test_a_path_that_does_not_exist_is_caught():
    assert absent_paths("see src/rollbook/nowhere.py, README.md and absent.md", ROOT) == [
        "src/rollbook/nowhere.py",
        "absent.md",
    ]


def dead_links(text: str, folder: Path) -> list[str]:
    """Links to files that are not there; addresses elsewhere are not asked."""
    links = re.findall(r"\]\(([^)#]+)", text)
    return [link for link in links if not link.startswith("http") and not (folder / link).exists()]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_between_documents_leads_somewhere(document):
    assert dead_links((ROOT / document).read_text(), (ROOT / document).parent) == []


def test_a_dead_link_is_caught():
    assert dead_links("[a](docs/errors.md), [b](docs/nowhere.md), [c](https://example.com)", ROOT) == [
        "docs/nowhere.md"
    ]
