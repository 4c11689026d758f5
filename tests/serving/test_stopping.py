"""A server that has been told to stop."""

import os
import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.harness.serving import serving, wait_until

DELAY = 2
pytestmark = pytest.mark.long


@pytest.fixture
def settings(mongod):
    return {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "stopping"}


def is_refused(server):
    try:
        httpx.get(f"{server.url}/ping")
    except httpx.ConnectError:
        return True
    return False


def test_readiness_flips_before_requests_are_refused(settings, tmp_path):
    with serving(tmp_path, SHUTDOWN_DELAY_SECONDS=DELAY, **settings) as server:
        server.await_status("/ready", 200)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: httpx.get(f"{server.url}/ready").status_code == 503, seconds=1)
        ready = httpx.get(f"{server.url}/ready")
        assert ready.json()["error"]["details"][0]["code"] == "stopping"
        response = httpx.get(f"{server.url}/api/users")
        assert (response.status_code, response.headers["Connection"]) == (200, "close")
        wait_until(lambda: is_refused(server), seconds=5)
        assert time.monotonic() - began > DELAY
        assert server.process.wait(10) == 0


def test_slow_body_is_awaited_during_the_delay(settings, tmp_path):
    with serving(tmp_path, SHUTDOWN_DELAY_SECONDS=6, **settings) as server:
        server.await_status("/ready", 200)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: httpx.get(f"{server.url}/ready").status_code == 503, seconds=2)
        address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
        with socket.create_connection(address, timeout=10) as sock:
            sock.sendall(b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n")
            sock.sendall(b"Content-Type: application/json\r\n\r\n{")
            time.sleep(3)
            sock.sendall(b"}")
            assert sock.recv(100).startswith(b"HTTP/1.1 400")


def test_waiting_connection_is_served_before_the_end(settings, tmp_path):
    """Connections that the kernel has, but no worker yet, when the signal comes."""
    with serving(tmp_path, WORKERS=1, **settings) as server, ExitStack() as clients:
        server.await_status("/ready", 200)
        parent = server.process.pid
        worker = int(Path(f"/proc/{parent}/task/{parent}/children").read_text())
        address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
        os.kill(worker, signal.SIGSTOP)
        waiting = [socket.create_connection(address, timeout=5) for _ in range(20)]
        for sock in waiting:
            clients.enter_context(sock).sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        os.kill(worker, signal.SIGCONT)
        assert {sock.recv(100)[:12] for sock in waiting} == {b"HTTP/1.1 200"}
        assert server.process.wait(10) == 0
