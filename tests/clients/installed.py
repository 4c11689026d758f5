"""The clients, installed as a reader of docs/clients.md installs them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.harness.node import NODE, install_packages
from tests.harness.serving import ROOT

CLIENTS = ROOT / "clients"
NOT_COPIED = shutil.ignore_patterns("node_modules", "dist", "__pycache__")


def run(folder: Path, *command: object, **environment: str) -> str:
    """Run a command that has to succeed, and return what it printed."""
    ended = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    return ended.stdout


def install_python(folder: Path) -> Path:
    """Install the Python client into a new environment, and return its interpreter."""
    shutil.copytree(CLIENTS / "python", folder / "python", ignore=NOT_COPIED)
    run(folder, sys.executable, "-m", "venv", "env")
    python = folder / "env" / "bin" / "python"
    run(folder, python, "-m", "pip", "install", "--quiet", "./python")
    return python


def install_typescript(folder: Path) -> Path:
    """Pack the TypeScript client, and install it into a new project, which is returned."""
    client, project = folder / "typescript", folder / "project"
    shutil.copytree(CLIENTS / "typescript", client, ignore=NOT_COPIED)
    install_packages(client)
    run(folder, "npm", "pack", "--silent", "./typescript")
    shutil.copytree(ROOT / "tests" / "clients" / "typescript", project)
    [packed] = folder.glob("rollbook-client-*.tgz")
    install = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
    run(project, *install, packed)
    return project


def run_typescript(project: Path, name: str, *options: str, **environment: str) -> str:
    """Compile the project with strict types, and run one of its files."""
    run(project, project / "node_modules" / ".bin" / "tsc")
    return run(project, NODE, *options, f"built/{name}.js", **environment)
