"""The machine that measures, and how many passwords it can hash."""

import os
import platform
import re
import subprocess
import threading
import time
from pathlib import Path

import bcrypt

from benchmarks.comparison.wrk import get_wrk_version

HASH_SECONDS = 1.0


def count_cores() -> int:
    return len(os.sched_getaffinity(0))


def describe_machine(mongod: Path) -> dict[str, str]:
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "CPU": model[1] if model else platform.processor(),
        "cores": str(count_cores()),
        "memory": f"{pages / 2**30:.0f} GiB",
        "system": f"{read_system_name()}, Linux {platform.release()}",
        "Python": platform.python_version(),
        "mongod": get_mongod_version(mongod),
        "wrk": get_wrk_version(),
    }


def read_system_name() -> str:
    text = Path("/etc/os-release").read_text()
    found = re.search(r'^PRETTY_NAME="(.*)"$', text, re.M)
    return found[1] if found else platform.system()


def get_mongod_version(mongod: Path) -> str:
    output = subprocess.run([mongod, "--version"], capture_output=True, text=True).stdout
    return output.split()[2].removeprefix("v")


def measure_hash_rate(cost: int) -> float:
    """Hash passwords on all cores at once. Returns the hashes per second."""
    salt, counts = bcrypt.gensalt(cost), [0.0] * count_cores()
    deadline = time.perf_counter() + HASH_SECONDS

    def keep_hashing(core: int) -> None:
        started, hashed = time.perf_counter(), 0
        while time.perf_counter() < deadline:
            bcrypt.hashpw(b"plenty of long words", salt)
            hashed += 1
        counts[core] = hashed / (time.perf_counter() - started)

    threads = [threading.Thread(target=keep_hashing, args=(core,)) for core in range(len(counts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)
