"""A peer's server: a tree of processes, its CPU time and its memory, from /proc (proc(5))."""

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

READY_SECONDS = 30
STOP_SECONDS = 15
POLL_SECONDS = 0.005
IDLE_SHARE = 0.03
"""A server is idle while it uses less than this share of a core."""
TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A started server. `log` has its output."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, log: Path) -> None:
        self.process = process
        self.url = url
        self.log = log

    def await_status(self, path: str, status: int) -> None:
        """Wait until `path` is answered with `status`.

        Raises: AssertionError, after READY_SECONDS.
        """
        deadline, seen = time.monotonic() + READY_SECONDS, 0
        while time.monotonic() < deadline:
            seen = get_status(self.url, path)
            if seen == status:
                return
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(POLL_SECONDS)
        raise AssertionError(f"{path}: {seen} instead of {status}\n{self.log.read_text()}")

    def get_cpu_seconds(self) -> float:
        """User and system time of all processes of the tree so far."""
        return sum(map(read_cpu_seconds, list_tree(self.process.pid)))

    def await_idle(self, seconds: float = 5) -> None:
        """Wait until the server does nothing, at most so many seconds.

        When a load ends, its last requests are still under way.
        """
        deadline, interval = time.monotonic() + seconds, 0.1
        before = self.get_cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(interval)
            after = self.get_cpu_seconds()
            if after - before <= IDLE_SHARE * interval:
                return
            before = after

    def measure_memory(self) -> dict[str, list[float]]:
        """PSS and RSS in MB: first of the process that was started, then of the others."""
        sizes = [read_memory(pid) for pid in list_tree(self.process.pid)]
        return {name: [size[name] for size in sizes] for name in ("pss", "rss")}

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        # The process leads a group of its own. Whatever of it is left ends here.
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def serving(
    command: Sequence[str], environment: Mapping[str, str], port: int, folder: Path
) -> Iterator[Server]:
    """Run `command` in `folder` with `environment`, and stop it at the end."""
    log = folder / f"server-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
            | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(process, f"http://127.0.0.1:{port}", log)
    try:
        yield server
    finally:
        server.stop()


def get_status(url: str, path: str) -> int:
    """Return the status of the response, or 0 without one."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def list_tree(pid: int) -> list[int]:
    """List a process and all its descendants, parents first."""
    pids = [pid]
    for parent in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                pids += [int(child) for child in (task / "children").read_text().split()]
    return pids


class OtherPrograms:
    """Measures the CPU time of what this process did not start, from now on."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._before = self._read_seconds()

    def measure_share(self) -> float:
        """Return the share of the CPU time of all cores."""
        available = (time.monotonic() - self._started) * (os.cpu_count() or 1)
        return max(0.0, (self._read_seconds() - self._before) / available)

    def _read_seconds(self) -> float:
        ended = os.times()
        own = sum(map(read_cpu_seconds, list_tree(os.getpid())))
        own += ended.children_user + ended.children_system
        return parse_busy_ticks(Path("/proc/stat").read_text()) / TICKS - own


def parse_busy_ticks(stat: str) -> int:
    """Add the times of the first line of /proc/stat, but for `idle`, `iowait` and the guests."""
    ticks = [int(field) for field in stat.splitlines()[0].split()[1:]]
    return sum(ticks[:8]) - ticks[3] - ticks[4]


def read_cpu_seconds(pid: int) -> float:
    return parse_cpu_ticks(Path(f"/proc/{pid}/stat").read_text()) / TICKS


def parse_cpu_ticks(stat: str) -> int:
    """Add utime and stime of /proc/pid/stat. The name of the process may have spaces."""
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def read_memory(pid: int) -> dict[str, float]:
    """Read PSS and RSS in MB (10^6 bytes). PSS is NaN where it must not be read."""
    try:
        return parse_memory(Path(f"/proc/{pid}/smaps_rollup").read_text())
    except PermissionError:
        rss = parse_memory(Path(f"/proc/{pid}/status").read_text().replace("VmRSS", "Rss"))
        return rss | {"pss": rss["rss"]}


def parse_memory(text: str) -> dict[str, float]:
    """Parse lines such as `Pss:   1234 kB`. 1 kB is 1,024 bytes there."""
    sizes = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name in ("Pss", "Rss"):
            sizes[name.lower()] = int(value.split()[0]) * 1024 / 1e6
    return sizes
