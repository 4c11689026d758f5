"""The disk of MongoDB is full, until someone frees some of it."""

import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from pymongo import MongoClient

from rollbook.embedded import replica_set
from rollbook.embedded.binary import find_mongod
from tests.chaos.observers import Observer, get_outage, judge
from tests.harness.serving import get_free_port, serving, wait_until

SIZE_MEGABYTES = 220
WRITERS, FULL_SECONDS = 8, 8
MAX_ANSWER, MAX_OUTAGE = 5.5, 30
pytestmark = [
    pytest.mark.skipif(not os.environ.get("CHAOS"), reason="run make chaos"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk"),
    pytest.mark.timeout(300),
]


@pytest.fixture
def disk(tmp_path):
    """A small file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={SIZE_MEGABYTES}m", "tmpfs", str(folder)]
    subprocess.run(["mount", *options], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Supervisor(threading.Thread):
    """Starts mongod again whenever it ends, as Docker and Kubernetes do."""

    def __init__(self, folder, port):
        super().__init__()
        command = [str(find_mongod(None)), f"--dbpath={folder}", f"--port={port}"]
        command += [f"--replSet={replica_set.NAME}", "--bind_ip=127.0.0.1", "--nounixsocket"]
        command += ["--oplogSize=64", "--setParameter=diagnosticDataCollectionEnabled=false"]
        command += ["--wiredTigerEngineConfigString=log=(file_max=8MB,prealloc=false)"]
        self._command = command
        self._ends = threading.Event()
        self.starts = 0

    def run(self):
        while not self._ends.is_set():
            self.starts += 1
            self.process = subprocess.Popen(
                self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            while self.process.poll() is None and not self._ends.wait(0.1):
                pass
            self._ends.wait(1)
        self.process.kill()
        self.process.wait()

    def end(self):
        self._ends.set()
        self.join()


@contextmanager
def supervised_mongod(folder):
    port = get_free_port()
    supervisor = Supervisor(folder, port)
    supervisor.start()
    try:
        assert replica_set.await_primary(port, seconds=30, has_ended=lambda: False)
        yield replica_set.build_uri(port), supervisor
    finally:
        supervisor.end()


def fill(disk):
    """Use what is left of the disk, until nothing is."""
    with (disk / "filler").open("ab", buffering=0) as file:
        for size in (2**20, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass


def is_stuck(writers):
    """No write has succeeded for a second."""
    samples = [sample for writer in writers for sample in list(writer.samples)]
    return get_outage(samples, time.monotonic() - 1, time.monotonic()) > 0.9


def test_full_disk_loses_nothing(disk, tmp_path, capsys):
    (disk / "db").mkdir()
    with supervised_mongod(disk / "db") as (uri, supervisor):
        settings = {"MONGODB_URI": uri, "MONGODB_DBNAME": "disk", "LOG_LEVEL": "WARNING"}
        with serving(tmp_path, **settings) as server, MongoClient(uri) as client:
            server.await_status("/ready", 200, seconds=30)
            writers = [Observer(server.url, number) for number in range(WRITERS)]
            is_over = threading.Event()
            with ThreadPoolExecutor(WRITERS) as pool:
                running = [pool.submit(w.write_until, is_over.is_set) for w in writers]
                time.sleep(3)
                wait_until(lambda: fill(disk) or is_stuck(writers), seconds=90)
                full = time.monotonic()
                while time.monotonic() < full + FULL_SECONDS:
                    fill(disk)
                    time.sleep(0.2)
                freed = time.monotonic()
                (disk / "filler").unlink()
                time.sleep(MAX_OUTAGE / 2)
                is_over.set()
                for each in running:
                    each.result()
            samples = [sample for writer in writers for sample in writer.samples]
            verdict = judge(client["disk"], writers)
        for writer in writers:
            writer.close()
    outage = get_outage(samples, freed, max(sample.ended for sample in samples))
    during = get_outage(samples, full - 1, freed)
    refused = [sample for sample in samples if sample.status == 503]
    slowest = max(sample.ended - sample.began for sample in samples)
    with capsys.disabled():
        writes = sum(writer.acknowledged for writer in writers)
        print(f"\ndisk full for {freed - full:.0f} s: {writes:,} writes, {verdict},")
        print(f"  {len(refused)} × 503, slowest {slowest:.1f} s, mongod started", end=" ")
        print(f"{supervisor.starts} times, no write for {during:.1f} s,", end=" ")
        print(f"writes again {outage:.1f} s after there was space")
    assert refused
    assert all(sample.has_retry_after for sample in refused)
    assert {sample.status for sample in samples} <= {200, 201, 204, 404, 409, 503}
    assert (verdict.lost, verdict.duplicate, verdict.half, verdict.wrong) == (0, 0, 0, 0)
    assert slowest < MAX_ANSWER
    assert outage < MAX_OUTAGE
