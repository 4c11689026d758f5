"""Redis is killed, does not answer, or has no memory left."""

import os
import signal
import threading
import time
from contextlib import ExitStack, contextmanager, nullcontext

import pytest
import redis

from tests.conftest import PASSWORD
from tests.harness.redis import BINARY, redis_server
from tests.harness.serving import get_free_port, serving
from tests.serving.guarded import GUARDED, client, register

MAX_SIGN_IN = 1.0
MAX_READ = 1.0
"""The first reads notice that Redis is away; the others do not ask it."""
READERS, SECONDS = 4, 6
pytestmark = [
    pytest.mark.skipif(not os.environ.get("CHAOS"), reason="run make chaos"),
    pytest.mark.skipif(BINARY is None, reason="needs a Redis"),
    pytest.mark.timeout(120),
]


@contextmanager
def killed(process, url, folder):
    process.kill()
    process.wait()
    yield lambda: redis_server(folder, int(url.rpartition(":")[2].split("/")[0]))


@contextmanager
def paused(process, url, folder):
    process.send_signal(signal.SIGSTOP)
    yield nullcontext
    process.send_signal(signal.SIGCONT)


@contextmanager
def full(process, url, folder):
    with redis.Redis.from_url(url) as store:
        store.config_set("maxmemory-policy", "noeviction")
        store.config_set("maxmemory", "1")
        yield nullcontext
        store.config_set("maxmemory", "0")


class Reader(threading.Thread):
    def __init__(self, server, headers):
        super().__init__()
        self.server, self.headers = server, headers
        self.seconds, self.statuses = [], []
        self.is_over = threading.Event()

    def run(self):
        with client(self.server, headers=self.headers) as http:
            while not self.is_over.wait(0.05):
                began = time.monotonic()
                self.statuses.append(http.get("/api/users/me").status_code)
                self.seconds.append(time.monotonic() - began)


@pytest.fixture(params=[killed, paused, full])
def fault(request):
    """A context manager: until its end, Redis fails. It yields how to start Redis again."""
    return request.param


@pytest.fixture
def settings(mongod, fault):
    limits = {f"RATELIMIT_{name}": "99999/minute" for name in ("DEFAULT", "AUTH", "READ")}
    database = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": fault.__name__}
    return GUARDED | limits | database | {"RATELIMIT_ENABLED": "true", "WORKERS": 2}


def sign_in_for(seconds, http, user):
    """Try to sign in, and return the status and the seconds of each response."""
    responses, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        response = http.post("/api/auth/login", json={"email": user.email, "password": PASSWORD})
        responses.append((response.status_code, time.monotonic() - began))
        time.sleep(0.1)
    return responses


def test_reads_go_on_and_sign_ins_fail_closed(fault, settings, tmp_path, capsys):
    with ExitStack() as stack:
        url, process = stack.enter_context(redis_server(tmp_path, get_free_port()))
        server = stack.enter_context(serving(tmp_path, REDIS_URL=url, **settings))
        http = stack.enter_context(client(server))
        server.await_status("/ready", 200)
        ada = register(http, "ada")
        readers = [Reader(server, ada.headers) for _ in range(READERS)]
        for reader in readers:
            reader.start()
        time.sleep(0.5)
        with fault(process, url, tmp_path) as start_again:
            sign_ins = sign_in_for(SECONDS, http, ada)
        stack.enter_context(start_again())
        assert sign_in_for(SECONDS, http, ada)[-1][0] == 200
        for reader in readers:
            reader.is_over.set()
            reader.join()
    seconds = sorted(each for reader in readers for each in reader.seconds)
    slowest = max(each for _, each in sign_ins)
    with capsys.disabled():
        print(
            f"\nRedis {fault.__name__}: {len(seconds)} reads, slowest {seconds[-1]:.2f} s;", end=""
        )
        print(f" {len(sign_ins)} sign-ins refused within {slowest:.2f} s")
    assert {status for reader in readers for status in reader.statuses} == {200}
    assert {status for status, _ in sign_ins} == {503}
    assert slowest < MAX_SIGN_IN
    assert seconds[-1] < MAX_READ
