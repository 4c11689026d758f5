"""`run.py` starts a server with a private MongoDB, and stops both."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.conftest import ADA
from tests.harness.serving import ROOT, get_free_port, run_py, run_python, serving, wait_until

RUN = str(ROOT / "run.py")
GUARDED = {"AUTH_REQUIRED": "true"}
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def list_mongods(folder):
    """The process ids of the mongods that were started in `folder`."""
    pids = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if command[0].endswith(b"mongod") and (entry.parent / "cwd").resolve() == folder:
            pids.append(int(entry.parent.name))
    return pids


@pytest.mark.long
def test_run_is_ready_within_3_seconds(tmp_path):
    """One start of ten is enough, since other tests may keep the machine busy.

    Where `rollbook --version` takes more than a second, three times as long is enough.
    """
    seconds = []
    for number in range(10):
        folder = tmp_path / str(number)
        folder.mkdir()
        started = time.monotonic()
        run_python(folder, "-m", "rollbook", "--version")
        allowed = max(3, 3 * (time.monotonic() - started))
        with serving(folder, RUN) as server:
            seconds.append(server.await_status("/ready", 200))
        if seconds[-1] < allowed:
            return
    raise AssertionError(f"{seconds} s, and the last start might take {allowed} s")


def run_shell(lines):
    return subprocess.run(["sh", "-c", lines], capture_output=True, text=True).stdout


def test_run_prints_urls_first_admin_and_example_requests(tmp_path):
    with serving(tmp_path, RUN, **GUARDED) as server:
        server.await_status("/ready", 200)
        printed = server.log.read_text()
        assert f"{server.url}/api" in printed
        assert f"{server.url}/docs" in printed
        assert f"its data is in {tmp_path}/.data" in printed
        assert "EVERY CALLER" not in printed
        sign_in, create = re.findall(r"^  (\S*curl .*\\\n.*)$", printed, re.M)
        created = run_shell(f"{sign_in}\n{create}")
        assert created.startswith("HTTP/1.1 201"), created
        assert httpx.get(f"{server.url}/api/users/ada@example.com").status_code == 401
    with serving(tmp_path, RUN, **GUARDED) as server:
        server.await_status("/ready", 200)
        again = server.log.read_text()
        assert "The first admin" not in again
        assert "rollbook --data-dir .data users set-password" in again


@pytest.fixture(scope="module")
def open_server(tmp_path_factory):
    """A server that requires no authentication, and its folder."""
    folder = tmp_path_factory.mktemp("open")
    with serving(folder, RUN) as server:
        server.await_status("/ready", 200)
        yield server, folder


def test_server_without_authentication_prints_warning(open_server):
    server, _ = open_server
    printed = server.log.read_text()
    assert "AUTH_REQUIRED=false: EVERY CALLER MAY DO EVERYTHING" in printed
    assert httpx.get(f"{server.url}/health").json()["data"]["auth_required"] is False
    line = re.search(r"curl -i .*\\\n.*'", printed).group()
    assert run_shell(line).startswith("HTTP/1.1 201")
    assert httpx.get(f"{server.url}/api/users/ada@example.com").status_code == 200


def test_only_owner_can_read_data_folder(open_server):
    assert (open_server[1] / ".data").stat().st_mode & 0o777 == 0o700


@pytest.mark.long
def test_signal_stops_server_and_mongod_and_keeps_data(tmp_path):
    """The signals of Ctrl-C, of a process manager, and of a closed terminal."""
    for number, expected in ((signal.SIGINT, 201), (signal.SIGTERM, 409), (signal.SIGHUP, 409)):
        with serving(tmp_path, RUN) as server:
            server.await_status("/ready", 200)
            assert len(list_mongods(tmp_path)) == 1
            assert httpx.post(f"{server.url}/api/users", json=ADA).status_code == expected
            assert server.stop(number) == 0
            assert list_mongods(tmp_path) == []


@pytest.mark.long
def test_sigkill_leaves_no_mongod_and_loses_no_user(tmp_path):
    with serving(tmp_path, RUN) as server:
        server.await_status("/ready", 200)
        assert httpx.post(f"{server.url}/api/users", json=ADA).status_code == 201
        server.stop(signal.SIGKILL)
        wait_until(lambda: list_mongods(tmp_path) == [], seconds=5)
    with serving(tmp_path, RUN) as server:
        server.await_status("/ready", 200)
        assert httpx.get(f"{server.url}/api/users/ada@example.com").status_code == 200


@pytest.mark.long
def test_death_of_mongod_stops_server_with_one_line(tmp_path):
    with serving(tmp_path, RUN) as server:
        server.await_status("/ready", 200)
        os.kill(list_mongods(tmp_path)[0], signal.SIGKILL)
        assert server.process.wait(15) == 1
        last_line = server.log.read_text().splitlines()[-1]
        assert last_line.startswith("The private MongoDB ended by itself. Its log is")


@pytest.mark.long
def test_invalid_host_ends_run_with_one_line(tmp_path):
    (line,) = run_py(tmp_path, HOST="nowhere.invalid", PORT=get_free_port()).stderr.splitlines()
    assert line.startswith("HOST: ")


def test_second_run_on_same_data_ends_with_one_line(open_server):
    server, folder = open_server
    second = run_py(folder, PORT=get_free_port())
    assert second.returncode == 1
    assert second.stderr.splitlines() == [
        "Another rollbook runs on the data in .data. Stop it, or set DATA_DIR to another folder."
    ]
    assert httpx.get(f"{server.url}/ready").status_code == 200


@pytest.mark.long
def test_used_port_ends_run_and_leaves_no_mongod(tmp_path):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        result = run_py(tmp_path, PORT=busy.getsockname()[1])
    assert result.returncode == 1
    assert re.fullmatch(
        r"Cannot listen on 127.0.0.1:\d+ \(.*\)\. "
        r"Stop the program that uses it, or set PORT or HOST\.\n",
        result.stderr,
    )
    assert list_mongods(tmp_path) == []


def write_executable(path, content):
    path.write_bytes(content)
    path.chmod(0o755)
    return path


MISSING_LIBRARY = b"""#!/bin/sh
echo 'mongod: error while loading shared libraries: libcrypto.so.9' >&2
exit 127
"""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (MISSING_LIBRARY, "libcrypto.so.9"),
        (b"\x7fELF\x02\x01\x01 of another platform", "Exec format error"),
        (b"#!/bin/sh\nexit 132\n", "exit code 132"),
    ],
)
def test_broken_mongod_binary_ends_run_with_one_line(tmp_path, content, reason):
    binary = write_executable(tmp_path / "mongod", content)
    result = run_py(tmp_path, MONGOD_BIN=binary, PORT=get_free_port())
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert reason in line
    assert "MONGOD_BIN" in line
    assert "MONGODB_URI" in line


def test_mongod_is_found_on_path_or_in_mongod_bin(tmp_path):
    broken = write_executable(tmp_path / "mongod", b"#!/bin/sh\nexit 3\n")
    path = f"{tmp_path}:{os.environ['PATH']}"
    assert str(broken) in run_py(tmp_path, PATH=path, PORT=get_free_port()).stderr
    (line,) = run_py(tmp_path, MONGOD_BIN=tmp_path / "absent").stderr.splitlines()
    assert line.startswith("MONGOD_BIN: there is no file")


def test_unwritable_data_folder_ends_run_with_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    (line,) = run_py(tmp_path, DATA_DIR=tmp_path / "file" / "data").stderr.splitlines()
    assert line.startswith("DATA_DIR: ")


def test_corrupt_data_ends_run_with_path_of_log(tmp_path):
    (tmp_path / ".data" / "db").mkdir(parents=True)
    (tmp_path / ".data" / "db" / "WiredTiger.turtle").write_text("nonsense")
    (tmp_path / ".data" / "db" / "WiredTiger").write_text("nonsense")
    (line,) = run_py(tmp_path, PORT=get_free_port()).stderr.splitlines()
    assert "mongod.log" in line


def test_invalid_settings_end_run_with_one_line_each(tmp_path):
    result = run_py(tmp_path, PORT="x", BCRYPT_ROUNDS=99)
    names = sorted(line.split(":")[0] for line in result.stderr.splitlines())
    assert names == ["BCRYPT_ROUNDS", "PORT"]


@pytest.mark.long
def test_run_with_mongodb_uri_starts_no_private_mongod(tmp_path):
    with serving(tmp_path, RUN, MONGODB_URI="mongodb://127.0.0.1:9") as server:
        assert server.await_status("/health", 200) < 10
        assert httpx.get(f"{server.url}/ready").status_code == 503
        assert list_mongods(tmp_path) == []
        assert not (tmp_path / ".data" / "db").exists()


@pytest.mark.long
def test_env_file_is_read_from_current_folder(tmp_path):
    """It is .env.example with every setting uncommented, so each of its values is valid."""
    example = re.sub(r"^# ([A-Z_]+=)", r"\1", (ROOT / ".env.example").read_text(), flags=re.M)
    (tmp_path / ".env").write_text(example + "\nNAME_MAX_LENGTH=5\n")
    with serving(tmp_path, RUN) as server:
        server.await_status("/ready", 200)
        response = httpx.post(f"{server.url}/api/users", json=ADA)
        assert response.json()["error"]["details"][0]["code"] == "too_long"


@pytest.mark.long
def test_lost_secret_key_ends_run_with_instructions(tmp_path):
    with serving(tmp_path, RUN, SECRET_KEY="") as server:
        server.await_status("/ready", 200)
    (tmp_path / ".data" / "secret_key").unlink()
    output = run_py(tmp_path, SECRET_KEY="", PORT=get_free_port()).stderr
    assert "keys rotate --replace-sealed" in output
    assert "Traceback" not in output
