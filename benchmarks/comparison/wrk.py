"""Run wrk, and read its result."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.comparison.loads import Load, build_script

TIMEOUT_SECONDS = 10


class LoadFailed(Exception):
    """A peer did not answer every request of a case as it must."""


@dataclass(frozen=True)
class Result:
    """What wrk counted. Times are in seconds, latencies in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    refused: int
    """Responses with a status of 400 or more."""
    broken: int
    """Connections that failed, and requests without a response in TIMEOUT_SECONDS."""


def find_wrk() -> str:
    """Find the program. Raises: SystemExit, when it is not installed."""
    if path := shutil.which("wrk"):
        return path
    raise SystemExit("wrk is not installed. On Debian: apt-get install wrk")


def get_wrk_version() -> str:
    output = subprocess.run([find_wrk(), "-v"], capture_output=True, text=True).stdout
    return output.split()[1].removeprefix("debian/")


def parse_result(output: str) -> Result:
    """Parse the line that the script prints at the end. Raises: LoadFailed, without one."""
    for line in output.splitlines():
        if line.startswith("RESULT "):
            found = json.loads(line.removeprefix("RESULT "))
            return Result(
                found["requests"],
                found["microseconds"] / 1e6,
                found["p50"] / 1000,
                found["p99"] / 1000,
                found["refused"],
                found["broken"],
            )
    raise LoadFailed(f"wrk printed no result:\n{output}")


def run_wrk(
    url: str, load: Load, folder: Path, *, connections: int, seconds: float, first_number: int
) -> Result:
    """Send `load` for so many seconds, rounded to whole ones.

    Raises: LoadFailed, when a response had an unexpected status, or none came.
    """
    script = build_script(load, first_number)
    output = _run(url, script, folder, connections=connections, seconds=seconds)
    result = parse_result(output)
    if result.refused or result.broken or not result.requests:
        script = build_script(load, first_number + result.requests + connections, diagnoses=True)
        again = _run(url, script, folder, connections=connections, seconds=1)
        raise LoadFailed(f"{result}; once more:\n{again}")
    return result


def _run(url: str, script: str, folder: Path, *, connections: int, seconds: float) -> str:
    path = folder / "load.lua"
    path.write_text(script)
    command = [find_wrk(), "--threads", "1", "--connections", str(connections)]
    command += ["--duration", f"{max(1, round(seconds))}s", "--timeout", f"{TIMEOUT_SECONDS}s"]
    finished = subprocess.run(
        [*command, "--script", str(path), url],
        capture_output=True,
        text=True,
        timeout=seconds + 60,
    )
    if finished.returncode:
        raise LoadFailed(finished.stdout + finished.stderr)
    return finished.stdout
