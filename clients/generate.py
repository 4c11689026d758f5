"""Generate what the clients take from docs/openapi.json, and the sync client from the async one.

    python clients/generate.py python|typescript [FOLDER]

FOLDER is this folder, or a copy of it. Needs the packages of `make test`; TypeScript needs npm.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import unasync
from python_operations import render_module

HERE = Path(__file__).parent
DOCUMENT = HERE.parent / "docs" / "openapi.json"
BIN = Path(sys.executable).parent
GENERATED = '"""Generated from docs/openapi.json by `make clients`."""'
SYNC_NAMES = {
    "_async": "_sync",
    "AsyncClient": "Client",
    "AsyncConnection": "Connection",
    "AsyncLock": "Lock",
    "AsyncPages": "Pages",
    "AsyncSession": "Session",
    "AsyncTransport": "Transport",
    "aclose": "close",
    "async_sleep": "sleep",
}


def generate_python(folder: Path) -> None:
    """Write the types, the operations and the sync client of the Python client in `folder`."""
    package = folder / "python" / "src" / "rollbook_client"
    write_types(package / "types.py")
    document = json.loads(DOCUMENT.read_text())
    (package / "_async" / "operations.py").write_text(render_module(document))
    write_sync(package)
    config = ("--quiet", "--config", HERE.parent / "pyproject.toml")
    run(BIN / "ruff", "check", "--select=I", "--fix", *config, package / "_sync")
    run(BIN / "ruff", "format", *config, package)


def write_types(target: Path) -> None:
    """Write a TypedDict for each schema."""
    options = "--output-model-type typing.TypedDict --no-use-closed-typed-dict --formatters builtin"
    options += " --enum-field-as-literal all --use-schema-description --target-python-version 3.11"
    header = ["--disable-timestamp", "--custom-file-header", GENERATED]
    files = ["--input", DOCUMENT, "--input-file-type", "openapi", "--output", target]
    run(BIN / "datamodel-codegen", *options.split(), *header, *files)


def write_sync(package: Path) -> None:
    """Write `_sync`: `_async` without `async` and `await`."""
    source, target = package / "_async", package / "_sync"
    shutil.rmtree(target, ignore_errors=True)
    rule = unasync.Rule(f"{source}/", f"{target}/", additional_replacements=SYNC_NAMES)
    unasync.unasync_files([str(path) for path in source.glob("*.py")], [rule])
    (target / "__init__.py").write_text('"""The client for code without `async`."""\n')


def generate_typescript(folder: Path) -> None:
    """Write the types of the TypeScript client. Its package.json has their generator's version."""
    client = folder / "typescript"
    run("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent", cwd=client)
    generator = [client / "node_modules/.bin/openapi-typescript", "--default-non-nullable=false"]
    run(*generator, DOCUMENT, "--output", client / "src" / "schema.ts")


def run(*command: object, cwd: Path | None = None) -> None:
    subprocess.run([str(part) for part in command], cwd=cwd, check=True, stdout=subprocess.DEVNULL)


GENERATORS = {"python": generate_python, "typescript": generate_typescript}

if __name__ == "__main__":
    language, *folders = sys.argv[1:]
    GENERATORS[language](Path(folders[0]) if folders else HERE)
