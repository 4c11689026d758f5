"""CPU time and memory of a tree of processes, as `make bench` reads them from /proc."""

import os
import signal
import subprocess

import pytest

from benchmarks.comparison.processes import list_tree, parse_cpu_ticks, parse_memory
from tests.harness.serving import wait_until


def test_user_and_system_time_are_added():
    stat = "12 (a (b) c) S 1 12 12 0 -1 4194560 900 0 0 0 250 50 7 8 20 0 4 0 1 2 3"
    assert parse_cpu_ticks(stat) == 300


def test_memory_is_in_millions_of_bytes():
    text = "00400000-7ffe ---p 00000000 00:00 0\nRss:   2000 kB\nPss:   1000 kB\nPss_Anon: 5 kB\n"
    assert parse_memory(text) == pytest.approx({"rss": 2.048, "pss": 1.024})


def test_tree_has_children_of_children():
    shell = ["/bin/sh", "-c", "sh -c 'sleep 20; :' & wait"]
    with subprocess.Popen(shell, start_new_session=True) as process:
        try:
            wait_until(lambda: len(list_tree(process.pid)) == 3, seconds=5)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
