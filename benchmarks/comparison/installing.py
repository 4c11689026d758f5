"""Install the peers into environments of their own, once for each list of requirements."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path

MARKER = "installed.txt"


def install_python(requirements: Path, folder: Path) -> None:
    """Create a virtual environment in `folder` with the pinned `requirements`."""
    if is_installed(requirements, folder):
        return
    print(f"installing {requirements.parent.name} into {folder.name}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    run(sys.executable, "-m", "venv", str(folder))
    options = ("--quiet", "--disable-pip-version-check", "--requirement", str(requirements))
    run(str(folder / "bin" / "python"), "-m", "pip", "install", *options)
    mark_installed(requirements, folder)


def install_node(package: Path, folder: Path) -> None:
    """Install the dependencies of a package.json into `folder`, and copy the server there."""
    if not is_installed(package, folder):
        if not shutil.which("npm"):
            raise SystemExit("npm is not installed. Install Node.js 20, or choose with --peers.")
        print(f"installing {package.parent.name} into {folder.name}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(package, folder)
        options = ("--omit=dev", "--no-package-lock", "--no-audit", "--no-fund", "--silent")
        run("npm", "install", *options, cwd=folder)
        mark_installed(package, folder)
    shutil.copy(package.parent / "server.js", folder)


def run(*command: str, cwd: Path | None = None) -> None:
    subprocess.run(command, cwd=cwd, env=os.environ, check=True)


def is_installed(requirements: Path, folder: Path) -> bool:
    marker = folder / MARKER
    return marker.is_file() and marker.read_text() == get_digest(requirements)


def mark_installed(requirements: Path, folder: Path) -> None:
    (folder / MARKER).write_text(get_digest(requirements))


def get_digest(requirements: Path) -> str:
    return hashlib.sha256(requirements.read_bytes()).hexdigest()


def get_python_versions(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the versions of the packages in a virtual environment."""
    places = [str(path) for path in folder.glob("lib/python*/site-packages")]
    found = {each.metadata["Name"].lower(): each.version for each in distributions(path=places)}
    return {name: found[name.lower()] for name in names}


def get_node_versions(folder: Path, names: Iterable[str]) -> dict[str, str]:
    packages = {name: folder / "node_modules" / name / "package.json" for name in names}
    versions = {name: json.loads(path.read_text())["version"] for name, path in packages.items()}
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    return {"Node.js": node.stdout.strip().removeprefix("v")} | versions
