"""What only real processes show: races across workers, a MongoDB that comes and goes, broken HTTP."""

import http.client as http_client
import json
import random  # noqa: TID251 - which of two requests goes first is a matter of chance
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from pymongo import MongoClient
from tests.conftest import ADA, PASSWORD
from tests.harness import lawful
from tests.harness.serving import free_port, serving

from rollbook.embedded import replica_set
from rollbook.embedded.binary import find_mongod

SPELLINGS = [
    "josé@example.com",
    "JOSÉ@example.com",
    "jose\u0301@EXAMPLE.com",
    "Jos\u00e9@Example.com",
    "ＪOSÉ@example．com",
]


@pytest.fixture(scope="module")
def server(mongod, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with serving(folder, MONGODB_URI=mongod.uri, MONGODB_DBNAME="serving", WORKERS=2, THREADS=8) as running:
        running.await_status("/ready", 200)
        yield running


@pytest.fixture(scope="module")
def users(mongod, server):
    with MongoClient(mongod.uri) as client:
        yield client.serving.users


@pytest.fixture
def http(server):
    with httpx.Client(base_url=server.url, timeout=30, limits=httpx.Limits(max_connections=80)) as client:
        yield client


def test_64_creates_of_one_address_make_one_user_in_each_of_20_rounds(http, users):
    for _ in range(20):
        users.delete_many({})
        with ThreadPoolExecutor(64) as pool:
            answers = list(
                pool.map(lambda n: http.post("/api/users", json=ADA | {"email": SPELLINGS[n % 5]}), range(64))
            )
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [201] + [409] * 63
        assert users.count_documents({}) == 1


def test_500_patches_racing_a_delete_revive_nobody(http, users):
    statuses = set()
    for _ in range(10):
        users.delete_many({})
        path = "/api/users/" + http.post("/api/users", json=ADA).json()["data"]["id"]
        when = random.randrange(5, 40)

        def one(number, path=path, when=when):
            answer = http.delete(path) if number == when else http.patch(path, json={"name": f"Ada {number}"})
            return answer.status_code

        with ThreadPoolExecutor(16) as pool:
            statuses |= set(pool.map(one, range(51)))
        assert users.count_documents({}) == 0
    assert statuses == {200, 204, 404}


def test_parallel_changes_of_one_user_all_count(http, users):
    users.delete_many({})
    path = "/api/users/" + http.post("/api/users", json=ADA).json()["data"]["id"]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: http.patch(path, json={"name": f"Ada {n}"}).status_code, range(50)))
    assert set(answers) == {200}
    assert http.get(path).json()["data"]["version"] == 51


def chunks(size):
    head = json.dumps(ADA).encode()
    yield head
    for _ in range(size // 65_536):
        yield b" " * 65_536


@pytest.mark.parametrize("size", [131_072, 50_000_000])
def test_a_huge_chunked_body_is_413_and_costs_no_memory(server, http, users, size):
    users.delete_many({})
    before = resident(server)
    try:
        assert (
            http.post("/api/users", content=chunks(size), headers={"Content-Type": "application/json"}).status_code
            == 413
        )
    except httpx.WriteError:
        pass  # The server closed while we were still sending, which is its right.
    assert users.count_documents({}) == 0
    assert http.get("/ping").status_code == 200
    assert resident(server) - before < 20_000


def resident(server):
    """Kilobytes of all worker processes together."""
    listed = subprocess.run(["ps", "-o", "rss=", "--ppid", str(server.process.pid)], capture_output=True, text=True)
    return sum(map(int, listed.stdout.split()))


def test_a_chunked_body_within_the_limit_is_taken(http, users):
    users.delete_many({})
    body = iter([json.dumps(ADA).encode()])
    assert http.post("/api/users", content=body, headers={"Content-Type": "application/json"}).status_code == 201


BROKEN_HTTP = {
    "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
    "an unknown version": (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400),
    "a bad header": (b"GET /ping HTTP/1.1\r\nHost : x\r\n\r\n", 400),
    "a long line": (b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "a long header": (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
    "many headers": (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 300 + b"\r\n", 431),
    "two lengths": (b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    "a length of words": (b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n", 400),
    "a broken chunk": (
        b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        400,
    ),
    "an unknown coding": (
        b"POST /api/users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: brotli, chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "a forwarder's header": (
        b"GET /nowhere HTTP/1.1\r\nHost: x\r\nSCRIPT_NAME: /evil\r\nConnection: close\r\n\r\n",
        404,
    ),
    "two schemes": (
        b"GET /ping HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\n"
        b"X-Forwarded-Ssl: off\r\nConnection: close\r\n\r\n",
        200,
    ),
    "an odd host": (b"GET /nowhere HTTP/1.1\r\nHost: a b{}<>\r\nConnection: close\r\n\r\n", 404),
    "a raw path": (b"GET /api/users/\xff\xfe\x80 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400),
    "a bad escape": (b"GET /api/users/%zz%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
    "an unknown method": (b"BREW /api/users HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405),
    "an absolute target": (b"GET http://elsewhere/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200),
}


@pytest.mark.parametrize(("sent", "status"), BROKEN_HTTP.values(), ids=BROKEN_HTTP.keys())
def test_broken_http_gets_the_envelope_too(server, sent, status):
    head, _, body = exchanged(server, sent).partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status, head
    assert b"Content-Type: application/json" in head
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    lawful.check(status, headers, body)
    answer = json.loads(body)
    assert answer.get("request_id", headers["X-Request-ID"]) == headers["X-Request-ID"]
    codes = {400: ("broken_request", "bad_request"), 414: ("uri_too_long",), 431: ("headers_too_large",)}
    assert answer.get("error", {}).get("code") in codes.get(status, (answer.get("error", {}).get("code"),))


def exchanged(server, sent, half_close=False):
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(sent)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65_536):
            received += part
    return received


HEAD_OF_500 = b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"
SHORT = b'{"name": "Ada", "email": "short@example.com", "password": "plenty of long words"}'


def test_a_body_that_ends_early_is_400_even_if_it_is_json(server, users):
    users.delete_many({})
    answer = exchanged(server, HEAD_OF_500 + SHORT, half_close=True)
    assert b"bad_request" in answer
    assert users.count_documents({}) == 0


def test_silent_clients_do_not_hold_the_api(server, http):
    """Twice as many as there are threads: that send nothing, half a head, and half a body."""
    host, port = server.url.removeprefix("http://").split(":")
    silent = []
    for sent in (b"", b"GET /ping HT", HEAD_OF_500 + b"{") * 11:
        silent.append(socket.create_connection((host, int(port))))
        silent[-1].sendall(sent)
    started = time.monotonic()
    assert http.get("/health").status_code == 200
    assert time.monotonic() - started < 10
    for connection in silent:
        connection.close()


def test_what_gunicorn_cannot_parse_is_not_logged(server):
    for sent in (
        b"POST /ping HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + SHORT + b"\r\n\r\n",
        b"GET /api/users/logged@example.com\r\n\r\n",
        b"GET /api/users/logged@example.com\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nlogged@example.com: x\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nX-Request-ID: logged@example.com\r\nConnection: close\r\n\r\n",
    ):
        assert exchanged(server, sent)
    log = server.log.read_text()
    for secret in ("plenty of", "short@", "logged@"):
        assert secret not in log


def test_a_client_that_sends_all_before_it_reads_sees_the_413(server):
    host = server.url.removeprefix("http://")
    connection = http_client.HTTPConnection(host, timeout=20)
    connection.request("POST", "/api/users", b" " * 5_000_000, {"Content-Type": "application/json"})
    assert connection.getresponse().status == 413
    connection.close()


def test_a_client_that_breaks_off_in_the_middle_stores_nothing(server, http, users):
    users.delete_many({})
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"
        )
    time.sleep(0.2)
    assert users.count_documents({}) == 0
    assert http.get("/ready").status_code == 200


def test_sigterm_finishes_what_is_under_way(mongod, tmp_path):
    with serving(tmp_path, MONGODB_URI=mongod.uri, MONGODB_DBNAME="graceful", BCRYPT_ROUNDS=12) as server:
        server.await_status("/ready", 200)
        answers = []
        slow = threading.Thread(
            target=lambda: answers.append(httpx.post(f"{server.url}/api/users", json=ADA, timeout=20))
        )
        slow.start()
        time.sleep(0.1)
        assert server.stop() == 0
        slow.join()
    assert answers[0].status_code == 201


def test_the_log_holds_no_password_no_address_and_no_connection_string(server, http):
    http.post("/api/users", json=ADA | {"email": "logged@example.com"})
    http.get("/api/users/logged@example.com?x=logged@example.com")
    log = server.log.read_text()
    assert "POST /api/users 201" in log
    for secret in (PASSWORD, "logged@", "mongodb://", "$2b$", "Traceback"):
        assert secret not in log


@pytest.fixture
def mongod_later(tmp_path):
    """A port, and a function that starts a mongod there."""
    port, started = free_port(), []

    def start(*options):
        folder = tmp_path / "db"
        folder.mkdir(exist_ok=True)
        command = [
            find_mongod(None),
            f"--dbpath={folder}",
            f"--port={port}",
            "--bind_ip=127.0.0.1",
            "--nounixsocket",
            *options,
        ]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return started[-1]

    yield port, start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def as_set(port):
    assert replica_set.await_primary(port, seconds=15, gone=lambda: False)


def test_without_mongodb_it_starts_answers_503_and_recovers_with_its_indexes(tmp_path, mongod_later):
    port, start = mongod_later
    with serving(tmp_path, MONGODB_URI=replica_set.uri(port), WORKERS=1) as server:
        assert server.await_status("/health", 200) < 3
        for path in ("/ready", "/api/users", "/api/users/ada@example.com"):
            began = time.monotonic()
            answer = httpx.get(server.url + path)
            assert time.monotonic() - began < 5
            assert answer.status_code == 503
            lawful.check(503, answer.headers, answer.content)
        assert httpx.post(f"{server.url}/api/users", json=ADA).status_code == 503
        assert httpx.get(f"{server.url}/health").status_code == 200

        mongod = start(f"--replSet={replica_set.NAME}")
        as_set(port)
        server.await_status("/ready", 200)
        assert [httpx.post(f"{server.url}/api/users", json=ADA).status_code for _ in range(2)] == [201, 409]

        mongod.kill()
        mongod.wait()
        server.await_status("/ready", 503, seconds=5)
        assert httpx.get(f"{server.url}/api/users").status_code == 503
        start(f"--replSet={replica_set.NAME}")
        server.await_status("/ready", 200)
        assert httpx.get(f"{server.url}/api/users/ada@example.com").status_code == 200


def test_a_mongodb_that_comes_back_empty_gets_its_indexes_again(tmp_path, mongod_later):
    """Emptied in its second term as a replica set, so that the new one counts its elections from before."""
    port, start = mongod_later
    first = start(f"--replSet={replica_set.NAME}")
    as_set(port)
    first.kill()
    first.wait()
    first = start(f"--replSet={replica_set.NAME}")
    as_set(port)
    with serving(tmp_path, MONGODB_URI=replica_set.uri(port), WORKERS=1) as server:
        server.await_status("/ready", 200)
        first.kill()
        first.wait()
        server.await_status("/ready", 503, seconds=5)
        (tmp_path / "db").rename(tmp_path / "lost")
        start(f"--replSet={replica_set.NAME}")
        as_set(port)
        server.await_status("/ready", 200)
        assert [httpx.post(f"{server.url}/api/users", json=ADA).status_code for _ in range(2)] == [201, 409]


def test_dropped_collections_are_noticed_under_a_running_api(tmp_path, mongod):
    with serving(tmp_path, MONGODB_URI=mongod.uri, MONGODB_DBNAME="dropped", WORKERS=1) as server:
        server.await_status("/ready", 200)
        with MongoClient(mongod.uri) as client:
            client.drop_database("dropped")
            time.sleep(6)
            assert client.dropped.users.index_information()["uniq_email"]["unique"]
        server.await_status("/ready", 200)


def test_wrong_credentials_are_told_as_such_and_not_repeated(tmp_path, mongod):
    uri = mongod.uri.replace("mongodb://", "mongodb://someone:hunter2@")
    with serving(tmp_path, MONGODB_URI=uri, WORKERS=1) as server:
        server.await_status("/health", 200)
        time.sleep(3)
        codes = {httpx.get(f"{server.url}/ready").json()["error"]["details"][0]["code"] for _ in range(10)}
        assert codes == {"refused"}
        assert server.log.read_text().count("refuses the credentials") == 1
        assert "hunter2" not in server.log.read_text()


def test_a_standalone_server_is_refused_with_the_way_out(tmp_path, mongod_later):
    port, start = mongod_later
    start()
    with serving(tmp_path, MONGODB_URI=f"mongodb://127.0.0.1:{port}", WORKERS=1) as server:
        server.await_status("/health", 200)
        deadline = time.monotonic() + 10
        while (detail := httpx.get(f"{server.url}/ready").json()["error"]["details"][0])["code"] != "standalone":
            assert time.monotonic() < deadline, detail
        for told in (detail["message"], server.log.read_text()):
            assert "mongod --replSet rs0" in told
            assert "rs.initiate()" in told
            assert "ALLOW_STANDALONE=true" in told
        assert httpx.post(f"{server.url}/api/users", json=ADA).status_code == 503


def test_a_standalone_server_serves_where_it_is_allowed_and_says_so_at_every_start(tmp_path, mongod_later):
    port, start = mongod_later
    start()
    settings = {"MONGODB_URI": f"mongodb://127.0.0.1:{port}", "ALLOW_STANDALONE": "true", "WORKERS": 1}
    for expected in (201, 409):
        with serving(tmp_path, **settings) as server:
            server.await_status("/ready", 200)
            assert "WITHOUT transactions" in server.log.read_text()
            assert httpx.post(f"{server.url}/api/users", json=ADA).status_code == expected
            with ThreadPoolExecutor(8) as pool:
                path = f"{server.url}/api/users/ada@example.com"
                changed = list(
                    pool.map(lambda n, p=path: httpx.patch(p, json={"name": f"A{n}"}).status_code, range(16))
                )
            assert set(changed) == {200}, server.log.read_text()
