"""The OpenAPI document satisfies the recommended rules of Spectral and Redocly."""

import shutil
import subprocess

import pytest

from tests.harness.node import install_packages, needs_node
from tests.harness.serving import ROOT

DOCUMENT = ROOT / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def linters(tmp_path_factory):
    folder = tmp_path_factory.mktemp("linters")
    shutil.copy(ROOT / "tests" / "openapi" / "linters" / "package.json", folder)
    install_packages(folder)
    (folder / ".spectral.yaml").write_text('extends: ["spectral:oas"]\n')
    return folder


def lint(folder, *command):
    binary = str(folder / "node_modules" / ".bin" / command[0])
    arguments = [binary, *command[1:], str(DOCUMENT)]
    return subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.mark.long
@needs_node
def test_spectral_finds_nothing(linters):
    result = lint(linters, "spectral", "lint", "--fail-severity=hint")
    assert (result.returncode, "No results" in result.stdout) == (0, True), result.stdout[:3000]


@pytest.mark.long
@needs_node
def test_redocly_finds_nothing(linters):
    result = lint(linters, "redocly", "lint", "--max-problems=20")
    assert result.returncode == 0, result.stdout[:3000]
    assert "warning" not in (result.stdout + result.stderr).replace("Deprecation warning", "")
