"""`run.py`: one command starts everything, and leaves nothing behind."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.conftest import ADA
from tests.harness.serving import ROOT, eventually, free_port, run_py, serving

RUN = str(ROOT / "run.py")
GUARDED = {"AUTH_REQUIRED": "true"}
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def mongods(folder):
    """The pids of the mongod processes on the data in `folder`."""
    mine = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if command[0].endswith(b"mongod") and (entry.parent / "cwd").resolve() == folder:
            mine.append(int(entry.parent.name))
    return mine


def test_it_is_ready_within_three_seconds(tmp_path):
    """The best of five starts: the machine may be busy with other tests."""
    took = []
    for number in range(5):
        (tmp_path / str(number)).mkdir()
        with serving(tmp_path / str(number), RUN) as server:
            took.append(server.await_status("/ready", 200))
        if took[-1] < 3:
            break
    assert min(took) < 3, took


def run_shell(lines):
    return subprocess.run(["sh", "-c", lines], capture_output=True, text=True).stdout


def test_it_prints_where_everything_is_an_admin_and_lines_that_sign_in_and_create(tmp_path):
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
        assert "made up" not in again
        assert "rollbook users set-password" in again


@pytest.fixture(scope="module")
def open_house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("open")
    with serving(folder, RUN) as server:
        server.await_status("/ready", 200)
        yield server, folder


def test_an_open_house_says_so_and_where_everyone_can_see_it(open_house):
    server, _ = open_house
    printed = server.log.read_text()
    assert "AUTH_REQUIRED=false: EVERY CALLER MAY DO EVERYTHING" in printed
    assert httpx.get(f"{server.url}/health").json()["data"]["auth_required"] is False
    line = re.search(r"curl -i .*\\\n.*'", printed).group()
    assert run_shell(line).startswith("HTTP/1.1 201")
    assert httpx.get(f"{server.url}/api/users/ada@example.com").status_code == 200


def test_the_data_are_nobody_elses(open_house):
    assert (open_house[1] / ".data").stat().st_mode & 0o777 == 0o700


def test_data_outlives_a_restart_and_each_signal_stops_both(tmp_path):
    """Ctrl-C, a process manager, and a terminal that is closed."""
    for number, expected in ((signal.SIGINT, 201), (signal.SIGTERM, 409), (signal.SIGHUP, 409)):
        with serving(tmp_path, RUN) as server:
            server.await_status("/ready", 200)
            assert len(mongods(tmp_path)) == 1
            assert httpx.post(f"{server.url}/api/users", json=ADA).status_code == expected
            assert server.stop(number) == 0
            assert mongods(tmp_path) == []


def test_kill_9_leaves_no_mongod_and_loses_no_acknowledged_user(tmp_path):
    with serving(tmp_path, RUN) as server:
        server.await_status("/ready", 200)
        assert httpx.post(f"{server.url}/api/users", json=ADA).status_code == 201
        server.stop(signal.SIGKILL)
        eventually(lambda: mongods(tmp_path) == [], seconds=5)
    with serving(tmp_path, RUN) as server:
        server.await_status("/ready", 200)
        assert httpx.get(f"{server.url}/api/users/ada@example.com").status_code == 200


def test_a_mongod_that_dies_ends_both_in_one_line(tmp_path):
    with serving(tmp_path, RUN) as server:
        server.await_status("/ready", 200)
        os.kill(mongods(tmp_path)[0], signal.SIGKILL)
        assert server.process.wait(15) == 1
        assert server.log.read_text().splitlines()[-1].startswith("The private MongoDB ended by itself; its log is")


def test_a_host_that_is_no_address_ends_in_one_line(tmp_path):
    (line,) = run_py(tmp_path, HOST="nowhere.invalid", PORT=free_port()).stderr.splitlines()
    assert line.startswith("HOST: ")


def test_a_second_one_on_the_same_data_ends_in_one_line(open_house):
    server, folder = open_house
    second = run_py(folder, PORT=free_port())
    assert second.returncode == 1
    assert second.stderr.splitlines() == [
        "Another rollbook runs on the data in .data: stop it, or set DATA_DIR to another folder."
    ]
    assert httpx.get(f"{server.url}/ready").status_code == 200


def test_a_busy_port_ends_in_one_line_and_leaves_no_mongod(tmp_path):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        ended = run_py(tmp_path, PORT=busy.getsockname()[1])
    assert ended.returncode == 1
    assert re.fullmatch(
        r"Cannot listen on 127.0.0.1:\d+ \(.*\): stop what uses it, or set PORT or HOST.\n", ended.stderr
    )
    assert mongods(tmp_path) == []


def executable(path, content):
    path.write_bytes(content)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            b"#!/bin/sh\necho 'mongod: error while loading shared libraries: libcrypto.so.9' >&2\nexit 127\n",
            "libcrypto.so.9",
        ),
        (b"\x7fELF\x02\x01\x01 of another platform", "Exec format error"),
        (b"#!/bin/sh\nexit 132\n", "exit code 132"),
    ],
)
def test_a_mongod_that_cannot_run_ends_in_one_line(tmp_path, content, reason):
    ended = run_py(tmp_path, MONGOD_BIN=executable(tmp_path / "mongod", content), PORT=free_port())
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert reason in line
    assert "MONGOD_BIN" in line
    assert "MONGODB_URI" in line


def test_a_mongod_on_the_path_is_taken_and_a_named_one_must_exist(tmp_path):
    broken = executable(tmp_path / "mongod", b"#!/bin/sh\nexit 3\n")
    assert str(broken) in run_py(tmp_path, PATH=f"{tmp_path}:{os.environ['PATH']}", PORT=free_port()).stderr
    (line,) = run_py(tmp_path, MONGOD_BIN=tmp_path / "absent").stderr.splitlines()
    assert line.startswith("MONGOD_BIN: there is no file")


def test_a_folder_that_cannot_be_written_ends_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    (line,) = run_py(tmp_path, DATA_DIR=tmp_path / "file" / "data").stderr.splitlines()
    assert line.startswith("DATA_DIR: ")


def test_broken_data_ends_in_one_line_that_names_the_log(tmp_path):
    (tmp_path / ".data" / "db").mkdir(parents=True)
    (tmp_path / ".data" / "db" / "WiredTiger.turtle").write_text("nonsense")
    (tmp_path / ".data" / "db" / "WiredTiger").write_text("nonsense")
    (line,) = run_py(tmp_path, PORT=free_port()).stderr.splitlines()
    assert "mongod.log" in line


def test_a_wrong_setting_ends_in_one_line_each(tmp_path):
    ended = run_py(tmp_path, PORT="x", BCRYPT_ROUNDS=99)
    assert sorted(line.split(":")[0] for line in ended.stderr.splitlines()) == ["BCRYPT_ROUNDS", "PORT"]


def test_a_configured_mongodb_is_the_only_one_tried(tmp_path):
    with serving(tmp_path, RUN, MONGODB_URI="mongodb://127.0.0.1:9") as server:
        assert server.await_status("/health", 200) < 3
        assert httpx.get(f"{server.url}/ready").status_code == 503
        assert mongods(tmp_path) == []
        assert not (tmp_path / ".data" / "db").exists()


def test_dotenv_is_read_from_where_it_is_started(tmp_path):
    """With every line of the example uncommented, so that each of its defaults is seen to be one."""
    example = re.sub(r"^# ([A-Z_]+=)", r"\1", (ROOT / ".env.example").read_text(), flags=re.M)
    (tmp_path / ".env").write_text(example + "\nNAME_MAX_LENGTH=5\n")
    with serving(tmp_path, RUN) as server:
        server.await_status("/ready", 200)
        assert httpx.post(f"{server.url}/api/users", json=ADA).json()["error"]["details"][0]["code"] == "too_long"


def test_a_lost_secret_key_ends_the_start_in_a_line_that_says_what_to_do(tmp_path):
    with serving(tmp_path, RUN, SECRET_KEY="") as server:
        server.await_status("/ready", 200)
    (tmp_path / ".data" / "secret_key").unlink()
    said = run_py(tmp_path, SECRET_KEY="", PORT=free_port()).stderr
    assert "keys rotate --replace-sealed" in said
    assert "Traceback" not in said
