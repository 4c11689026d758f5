"""The `rollbook` command, run by a shell."""

import subprocess
import sys

import pytest

from tests.harness.serving import get_free_port, serving


def run_rollbook(folder, *arguments, **environment):
    """Without any settings other than `environment`."""
    command = [sys.executable, "-m", "rollbook", *arguments]
    settings = {name: str(value) for name, value in environment.items()}
    return subprocess.run(
        command, cwd=folder, env=settings, capture_output=True, text=True, timeout=30
    )


def test_serve_without_mongodb_uri_says_what_to_set(tmp_path):
    result = run_rollbook(tmp_path, "serve")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("MONGODB_URI: ")
    assert "make run" in line


@pytest.mark.parametrize("command", ["serve", "check", "openapi"])
def test_invalid_setting_ends_command_with_one_line(tmp_path, command):
    result = run_rollbook(tmp_path, command, PORT="x", MONGODB_URI="mongodb://127.0.0.1:9")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("PORT: ")


@pytest.mark.long
def test_check_exits_0_only_if_server_is_alive(tmp_path):
    with serving(tmp_path, MONGODB_URI="mongodb://127.0.0.1:9", WORKERS=1) as server:
        server.await_status("/health", 200)
        port = server.url.rpartition(":")[2]
        assert run_rollbook(tmp_path, "check", PORT=port).returncode == 0
    assert run_rollbook(tmp_path, "check", PORT=get_free_port()).returncode == 1
