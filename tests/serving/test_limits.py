"""Limits that hold over all workers and restarts, and that no header talks its way around."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from pymongo import MongoClient

from tests.conftest import PASSWORD
from tests.harness.redis import BINARY, redis_server
from tests.harness.scale import rounds
from tests.harness.serving import free_port, patiently, serving
from tests.serving.guarded import ADMIN, GUARDED, client, register

LIMITED = {"RATELIMIT_ENABLED": "true", "RATELIMIT_DEFAULT": "100000/second", "RATELIMIT_AUTH": "5/hour"}
GUESS = {"email": ADMIN["ADMIN_EMAIL"], "password": "a guess"}
needs_redis = pytest.mark.skipif(BINARY is None, reason="needs a redis-server; .ci/run installs one")


@pytest.fixture
def start(mongod, tmp_path, request):
    """Call it with settings: the same database for all servers of a test, none for two tests."""
    name = f"limits_{abs(hash(request.node.name)) % 10**9}"
    number = iter(range(9))

    def start(**settings):
        folder = tmp_path / str(next(number))
        folder.mkdir()
        known = GUARDED | LIMITED | {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": name, "WORKERS": 4, "THREADS": 8}
        return serving(folder, **(known | settings))

    start.database = name
    return start


@pytest.fixture
def failed(mongod, start):
    """How many guesses got as far as the password."""
    mongo = MongoClient(mongod.uri)
    yield lambda: mongo[start.database].audit.count_documents({"action": "auth.login_failed"})
    mongo.close()


def guess(http, **headers):
    return patiently(lambda: http.post("/api/auth/login", json=GUESS, headers=headers)).status_code


def read(http, **headers):
    return patiently(lambda: http.get("/api/password-policy", headers=headers)).status_code


def guesses(http, number):
    with ThreadPoolExecutor(64) as pool:
        return Counter(pool.map(lambda _: guess(http), range(number)))


def test_of_200_parallel_sign_ins_over_4_workers_exactly_5_reach_the_password(start, failed):
    with start() as server, client(server) as http:
        server.await_status("/ready", 200)
        assert guesses(http, 200) == {401: 5, 429: 195}
        assert failed() == 5
    with start() as server, client(server) as http:
        server.await_status("/ready", 200)
        assert guesses(http, 20) == {429: 20}
        assert failed() == 5


def test_spoofed_addresses_gain_nothing(start, failed):
    with start() as server, client(server) as http:
        server.await_status("/ready", 200)
        names = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP")

        def spoofed(number):
            address = f"198.51.{number // 250}.{number % 250 + 1}"
            return guess(http, **{name: f"for={address}" if name == "Forwarded" else address for name in names})

        with ThreadPoolExecutor(32) as pool:
            assert Counter(pool.map(spoofed, range(rounds(1000)))) == {401: 5, 429: rounds(1000) - 5}
        assert failed() == 5


def test_behind_one_trusted_proxy_its_word_counts_and_no_earlier_one(start):
    with start(TRUSTED_PROXIES=1, RATELIMIT_AUTH="1/hour") as server, client(server) as http:
        server.await_status("/ready", 200)
        assert guess(http, **{"X-Forwarded-For": "198.51.100.1"}) == 401
        assert guess(http, **{"X-Forwarded-For": "198.51.100.1"}) == 429
        assert guess(http, **{"X-Forwarded-For": "203.0.113.9, 198.51.100.1"}) == 429
        assert guess(http, **{"X-Forwarded-For": "198.51.100.2"}) == 401
        assert guess(http, **{"X-Forwarded-For": "2001:db8::1"}) == 401
        assert guess(http, **{"X-Forwarded-For": "2001:db8::ffff:2"}) == 429, "the same /64"
        assert guess(http, **{"X-Forwarded-For": "no address"}) == 401
        assert guess(http, **{"X-Forwarded-For": "none either"}) == 429


def test_refreshes_and_password_changes_count_as_attempts(start):
    with start(RATELIMIT_AUTH="4/hour") as server, client(server) as http:
        server.await_status("/ready", 200)
        user = register(http, "someone")
        refreshed = http.post("/api/auth/refresh", json={"refresh_token": "made up"})
        assert refreshed.status_code == 401
        change = {"password": PASSWORD + "!", "current_password": "a guess"}
        wrong = patiently(lambda: http.patch("/api/users/me", json=change, headers=user.headers))
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (403, "wrong_password")
        assert guess(http) == 401
        for answer in (
            http.post("/api/auth/refresh", json={"refresh_token": user.refresh_token}),
            http.patch("/api/users/me", json=change | {"current_password": PASSWORD}, headers=user.headers),
        ):
            assert answer.status_code == 429
            assert 0 < int(answer.headers["Retry-After"]) <= 3600
            assert '"auth";r=0;t=' in answer.headers["RateLimit"]
        assert http.get("/api/auth/me", headers=user.headers).status_code == 200
        renamed = http.patch("/api/users/me", json={"name": "Some One"}, headers=user.headers)
        assert renamed.status_code == 200


def test_of_40_parallel_registrations_over_4_workers_exactly_5_are_looked_at(start):
    new = {"name": "New", "email": "new@house.org", "password": "password1"}
    with start(RATELIMIT_REGISTRATION="5/hour", RATELIMIT_DEFAULT="1000/second") as server, client(server) as http:
        server.await_status("/ready", 200)
        with ThreadPoolExecutor(20) as pool:
            sent = pool.map(lambda _: patiently(lambda: http.post("/api/users", json=new)).status_code, range(40))
            answers = Counter(sent)
    assert answers == {400: 5, 429: 35}


@needs_redis
def test_with_redis_every_limit_is_exact_over_all_workers(start, tmp_path, failed):
    with redis_server(tmp_path) as (uri, _):
        known = {"REDIS_URL": uri, "RATELIMIT_DEFAULT": "150/hour", "TRUSTED_PROXIES": 1}
        elsewhere = {"X-Forwarded-For": "203.0.113.9"}
        with start(**known) as server, client(server) as http:
            server.await_status("/ready", 200)  # Which counts, too, but for another address.
            with ThreadPoolExecutor(16) as pool:
                reads = Counter(pool.map(lambda _: read(http, **elsewhere), range(300)))
            assert reads == {200: 150, 429: 150}
        with start(REDIS_URL=uri) as server, client(server) as http:
            server.await_status("/ready", 200)
            assert guesses(http, 60) == {401: 5, 429: 55}
            assert failed() == 5


@needs_redis
def test_without_its_store_nobody_signs_in_and_all_else_goes_on(start, tmp_path):
    port = free_port()
    settings = {"RATELIMIT_AUTH": "1000/hour", "REDIS_URL": f"redis://127.0.0.1:{port}/0"}
    with redis_server(tmp_path, port) as (_, redis), start(**settings) as server, client(server) as http:
        server.await_status("/ready", 200)
        user = register(http, "someone")
        redis.kill()
        redis.wait()
        for _ in range(8):
            login = http.post("/api/auth/login", json=GUESS)
            assert (login.status_code, login.json()["error"]["code"]) == (503, "limits_unavailable")
            assert login.headers["Retry-After"].isdigit()
            assert http.get("/api/auth/me", headers=user.headers).status_code == 200
            assert http.patch("/api/users/me", json={"name": "Still Here"}, headers=user.headers).status_code == 200
        with redis_server(tmp_path, port):
            assert patiently(lambda: http.post("/api/auth/login", json=GUESS)).status_code == 401


def test_a_redis_that_was_never_there_keeps_nobody_from_reading(start):
    with start(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0") as server, client(server) as http:
        server.await_status("/ready", 200)
        assert http.get("/api/password-policy").status_code == 200
        assert http.post("/api/auth/login", json=GUESS).status_code == 503
