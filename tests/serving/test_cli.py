"""The `rollbook` command, as a shell meets it."""

import subprocess
import sys

import pytest

from tests.harness.serving import free_port, serving


def rollbook(folder, *arguments, **environment):
    command = [sys.executable, "-m", "rollbook", *arguments]
    given = {name: str(value) for name, value in environment.items()}
    return subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, timeout=30)


def test_serve_without_a_database_ends_in_one_line_that_says_what_to_do(tmp_path):
    ended = rollbook(tmp_path, "serve")
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("MONGODB_URI: ")
    assert "make run" in line


@pytest.mark.parametrize("command", ["serve", "check", "openapi"])
def test_a_wrong_setting_ends_every_command_in_one_line(tmp_path, command):
    ended = rollbook(tmp_path, command, PORT="x", MONGODB_URI="mongodb://127.0.0.1:9")
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("PORT: ")


def test_check_tells_whether_the_server_is_alive(tmp_path):
    with serving(tmp_path, MONGODB_URI="mongodb://127.0.0.1:9", WORKERS=1) as server:
        server.await_status("/health", 200)
        port = server.url.rpartition(":")[2]
        assert rollbook(tmp_path, "check", PORT=port).returncode == 0
    assert rollbook(tmp_path, "check", PORT=free_port()).returncode == 1
