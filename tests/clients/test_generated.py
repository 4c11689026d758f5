"""What is generated for the clients is current, and nothing is missing."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rollbook_client import AsyncClient, Client
from rollbook_client.version import VERSION

from rollbook import __version__
from tests.clients.installed import CLIENTS, NOT_COPIED
from tests.harness.node import needs_node
from tests.harness.serving import ROOT

LANGUAGES = ["python", pytest.param("typescript", marks=needs_node)]


def read_files(folder: Path) -> dict[str, str]:
    """Read the sources of a client, by path."""
    paths = [*folder.glob("src/**/*.py"), *folder.glob("src/**/*.ts")]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}


@pytest.mark.long
@pytest.mark.parametrize("language", LANGUAGES)
def test_generated_files_are_current(language, tmp_path):
    copy = tmp_path / "clients"
    shutil.copytree(CLIENTS, copy, ignore=NOT_COPIED)
    command = [sys.executable, CLIENTS / "generate.py", language, copy]
    subprocess.run(command, check=True, timeout=110)
    committed, generated = read_files(CLIENTS / language), read_files(copy / language)
    changed = [path for path in committed | generated if committed.get(path) != generated.get(path)]
    assert changed == [], "run make clients"
    assert len(generated) > 1


@pytest.mark.long
def test_outdated_file_is_written_again(tmp_path):
    copy = tmp_path / "clients"
    shutil.copytree(CLIENTS, copy, ignore=NOT_COPIED)
    operations = copy / "python" / "src" / "rollbook_client" / "_sync" / "operations.py"
    operations.write_text(operations.read_text().replace("def list_roles", "def list_rules"))
    command = [sys.executable, CLIENTS / "generate.py", "python", copy]
    subprocess.run(command, check=True, timeout=110)
    assert read_files(copy / "python") == read_files(CLIENTS / "python")


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_python_client_has_every_operation(client):
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    operations = {
        operation["operationId"]
        for path, methods in document["paths"].items()
        for operation in methods.values()
        if path.startswith("/api/")
    }
    assert {name for name in operations if not hasattr(client, name)} == {
        "login",  # sign_in
        "logout",  # sign_out
        "refresh",  # by itself
        "update_user",  # change_user
    }


def test_clients_have_the_version_of_rollbook():
    package = json.loads((CLIENTS / "typescript" / "package.json").read_text())
    assert (VERSION, package["version"]) == (__version__, __version__)


def test_generator_of_types_is_pinned_exactly():
    package = json.loads((CLIENTS / "typescript" / "package.json").read_text())
    for name, version in package["devDependencies"].items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
