"""Node.js and packages from the npm registry, for what is written in JavaScript."""

import shutil
import subprocess
from pathlib import Path

import pytest

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(
    NODE is None or shutil.which("npm") is None, reason="needs Node.js; .ci/run installs it"
)


def install_packages(folder: Path) -> None:
    """Install the pinned packages of `folder`'s package.json."""
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
    subprocess.run(command, cwd=folder, check=True, timeout=110)
