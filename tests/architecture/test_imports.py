"""Laws of imports and names; each is seen to catch a violation that is planted for it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "rollbook"


def broken_contracts(folder: Path) -> str:
    """What import-linter says of the tree in `folder`; empty when all contracts are kept."""
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache", "--config", folder / "pyproject.toml"]
    said = subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(folder / "src")}, capture_output=True, text=True)
    return said.stdout if said.returncode else ""


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(ROOT / "src", tmp_path / "src")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_import_contracts_are_kept(copy):
    assert broken_contracts(copy) == ""


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("kit/clock.py", "import rollbook.users.policy", "The corridor"),
        ("users/policy.py", "import rollbook.openapi.examples", "The corridor"),
        ("ops/logs.py", "import rollbook.embedded.binary", "The corridor"),
        ("users/policy.py", "import rollbook.users.service", "Inside a room"),
        ("users/documents.py", "import rollbook.users.dao", "Inside a room"),
        ("users/service.py", "import flask", "Flask stops at the resource"),
        ("sessions/service.py", "import rollbook.users.dao", "The corridor"),
        ("roles/policy.py", "import rollbook.roles.service", "Inside a room"),
        ("signing/ring.py", "import flask", "Flask stops at the resource"),
        ("users/service.py", "import pymongo", "MongoEngine and its driver stop at the DAO"),
        ("users/resources.py", "import mongoengine", "MongoEngine and its driver stop at the DAO"),
        ("kit/passwords.py", "import rollbook.settings", "Settings are handed in"),
    ],
)
def test_a_forbidden_import_is_caught(copy, module, line, contract):
    path = copy / "src" / "rollbook" / module
    path.write_text(f"{path.read_text()}\n{line}\n")
    assert re.search(rf"{contract}.* BROKEN", broken_contracts(copy))


@pytest.mark.parametrize(
    "line",
    ["from datetime import datetime\nx = datetime.now()", "import random\nx = random.random()", "import src.rollbook"],
)
def test_what_must_be_handed_in_is_caught_by_ruff(tmp_path, line):
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    (tmp_path / "room.py").write_text(f'"""A room."""\n\n{line}\n')
    ruff = [Path(sys.executable).parent / "ruff", "check", "--no-cache", "room.py"]
    said = subprocess.run(ruff, cwd=tmp_path, capture_output=True, text=True)
    assert "TID251" in said.stdout


def vague(source: Path) -> list[str]:
    return [path.name for path in source.rglob("*.py") if re.fullmatch(r"(utils?|helpers?|common|misc)\.py", path.name)]


def test_no_file_has_a_name_that_says_nothing(tmp_path):
    assert vague(SOURCE) == []
    (tmp_path / "utils.py").write_text("")
    assert vague(tmp_path) == ["utils.py"]


def too_long(source: Path) -> list[str]:
    return [path.name for path in source.rglob("*.py") if len(path.read_text().splitlines()) > 250]


def test_files_stay_short(tmp_path):
    assert too_long(SOURCE) == []
    (tmp_path / "novel.py").write_text("x = 1\n" * 251)
    assert too_long(tmp_path) == ["novel.py"]
