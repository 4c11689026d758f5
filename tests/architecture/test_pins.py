"""The check of the pinned requirements can fail."""

import os
import subprocess

import pytest

from tests.harness.serving import ROOT


@pytest.mark.slow
def test_unreachable_index_fails_the_check(tmp_path):
    asked = {"UV_OFFLINE": "1", "UV_NO_CACHE": "1", "TMPDIR": str(tmp_path)}
    environment = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"} | asked
    ended = subprocess.run(
        ["make", "requirements-check"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 2, ended.stderr
    assert "network was disabled" in ended.stderr
    assert list(tmp_path.iterdir()) == []
