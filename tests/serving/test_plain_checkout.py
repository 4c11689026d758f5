"""`pip install -r requirements.txt && python run.py`: rollbook itself is not installed."""

import sysconfig
from pathlib import Path

import pytest

from rollbook.embedded.binary import NOT_FOUND
from tests.conftest import ADA
from tests.harness.serving import get_free_port, run_python, serving
from tests.serving.guarded import client

SITE_PACKAGES = Path(sysconfig.get_paths()["purelib"])


def link_packages(folder, *, without):
    """The installed packages, except those whose name begins with one of `without`."""
    folder.mkdir()
    for entry in SITE_PACKAGES.iterdir():
        if not entry.name.startswith(without) and entry.suffix != ".pth":
            (folder / entry.name).symlink_to(entry)
    return folder


@pytest.mark.long
def test_run_py_starts_a_private_mongodb_in_a_clone(clone, tmp_path):
    packages = link_packages(tmp_path / "packages", without=("rollbook", "__editable__"))
    with (
        serving(clone, "-S", "run.py", PYTHONPATH=packages) as server,
        client(server) as http,
    ):
        server.await_status("/ready", 200)
        assert http.post("/api/users", json=ADA).status_code == 201
        assert (clone / ".data" / "db").is_dir()


def test_run_py_uses_mongodb_uri_in_a_clone(clone, tmp_path, mongod):
    without = ("rollbook", "__editable__", "fiftyone")
    packages = link_packages(tmp_path / "packages", without=without)
    settings = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "clone", "PYTHONPATH": packages}
    with serving(clone, "-S", "run.py", **settings) as server:
        server.await_status("/ready", 200)


def test_run_py_without_a_mongod_says_what_to_install(clone, tmp_path):
    without = ("rollbook", "__editable__", "fiftyone")
    packages = link_packages(tmp_path / "packages", without=without)
    environment = {"PATH": "/nonexistent", "PYTHONPATH": packages, "PORT": get_free_port()}
    ended = run_python(clone, "-S", "run.py", **environment)
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [NOT_FOUND]
    assert "pip install -r src/rollbook/embedded/requirements.txt" in NOT_FOUND
