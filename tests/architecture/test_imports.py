"""Import contracts, file names and file lengths. Each rule is seen to find a planted violation."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "rollbook"
MAX_LINES = 250

LAYERS = "Layers: imports go down only"
INSIDE = "Layers inside a feature"
FLASK = "Flask stops at the resource"
MONGO = "MongoEngine and PyMongo stop at the DAO"
SETTINGS = "Settings are handed in"


def list_broken_contracts(folder: Path) -> str:
    """The output of import-linter for the tree in `folder`; empty when every contract is kept."""
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    command += ["--config", folder / "pyproject.toml"]
    environment = {"PYTHONPATH": str(folder / "src")}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return ended.stdout + ended.stderr if ended.returncode else ""


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(ROOT / "src", tmp_path / "src")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def plant(copy, module, line):
    path = copy / "src" / "rollbook" / module
    path.parent.mkdir(exist_ok=True)
    (path.parent / "__init__.py").touch()
    path.write_text(f"{path.read_text() if path.exists() else ''}\n{line}\n")


def test_import_contracts_are_kept(copy):
    assert list_broken_contracts(copy) == ""


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("kit/clock.py", "import rollbook.users.policy", LAYERS),
        ("users/policy.py", "import rollbook.openapi.examples", LAYERS),
        ("ops/logs.py", "import rollbook.embedded.binary", LAYERS),
        ("sessions/service.py", "import rollbook.users.dao", LAYERS),
        ("web/envelope.py", "import rollbook.storage.dao", LAYERS),
        ("passwords/hash_gate.py", "import rollbook.settings", SETTINGS),
        ("users/policy.py", "import rollbook.users.service", INSIDE),
        ("users/documents.py", "import rollbook.users.dao", INSIDE),
        ("roles/policy.py", "import rollbook.roles.service", INSIDE),
        ("users/service.py", "import flask", FLASK),
        ("signing/keys.py", "import flask", FLASK),
        ("storage/dao.py", "import werkzeug", FLASK),
        ("users/service.py", "import pymongo", MONGO),
        ("users/resources.py", "import mongoengine", MONGO),
    ],
)
def test_forbidden_import_is_found(copy, module, line, contract):
    plant(copy, module, line)
    assert re.search(rf"{contract}.* BROKEN", list_broken_contracts(copy))


def test_indirect_import_of_flask_is_found(copy):
    """A service may not import a module that imports Flask."""
    plant(copy, "users/service.py", "import rollbook.web.etags")
    assert re.search(rf"{FLASK} BROKEN", list_broken_contracts(copy))


def test_package_without_a_layer_is_found(copy):
    plant(copy, "planted/service.py", "import rollbook.settings")
    broken = list_broken_contracts(copy)
    assert "rollbook.planted" in broken
    assert re.search(rf"{LAYERS} BROKEN", broken)
    assert re.search(rf"{SETTINGS}.* BROKEN", broken)


def test_cycle_between_siblings_is_found(copy):
    pyproject = copy / "pyproject.toml"
    pyproject.write_text(
        pyproject.read_text().replace('    "users",\n', '    "users | planted",\n')
    )
    plant(copy, "planted/service.py", "import rollbook.users.dao")
    plant(copy, "users/service.py", "import rollbook.planted.service")
    assert re.search(rf"{LAYERS} BROKEN", list_broken_contracts(copy))


def test_layers_hold_inside_a_new_package(copy):
    """Without a line in pyproject.toml for it."""
    plant(copy, "planted/service.py", "")
    plant(copy, "planted/dao.py", "import rollbook.planted.service")
    assert re.search(rf"{INSIDE} BROKEN", list_broken_contracts(copy))


@pytest.mark.parametrize(
    "line",
    [
        "from datetime import datetime\nx = datetime.now()",
        "import random\nx = random.random()",
        "import src.rollbook",
    ],
)
def test_global_clock_and_randomness_are_found(tmp_path, line):
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    (tmp_path / "module.py").write_text(f'"""A module."""\n\n{line}\n')
    ruff = [Path(sys.executable).parent / "ruff", "check", "--no-cache", "module.py"]
    ended = subprocess.run(ruff, cwd=tmp_path, capture_output=True, text=True)
    assert "TID251" in ended.stdout


def find_vague_names(source: Path) -> list[str]:
    vague = re.compile(r"(utils?|helpers?|common|misc)\.py")
    return [path.name for path in source.rglob("*.py") if vague.fullmatch(path.name)]


def test_file_names_are_specific(tmp_path):
    assert find_vague_names(SOURCE) == []
    (tmp_path / "utils.py").write_text("")
    assert find_vague_names(tmp_path) == ["utils.py"]


def find_long_files(source: Path) -> list[str]:
    files = source.rglob("*.py")
    return [path.name for path in files if len(path.read_text().splitlines()) > MAX_LINES]


def test_files_have_at_most_250_lines(tmp_path):
    assert find_long_files(SOURCE) == []
    (tmp_path / "novel.py").write_text("x = 1\n" * (MAX_LINES + 1))
    assert find_long_files(tmp_path) == ["novel.py"]


def test_redis_is_only_loaded_with_redis_url():
    program = "import rollbook.server, sys; print('pymongo' in sys.modules, 'redis' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.stdout == "True False\n"
