"""Limits across workers and restarts. No request header circumvents them."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from pymongo import MongoClient

from tests.conftest import PASSWORD
from tests.harness.redis import BINARY, redis_server
from tests.harness.scale import rounds
from tests.harness.serving import get_free_port, retry_while_busy, serving
from tests.serving.guarded import ADMIN, GUARDED, client, register, sign_in

LIMITED = {
    "RATELIMIT_ENABLED": "true",
    "RATELIMIT_DEFAULT": "100000/second",
    "RATELIMIT_AUTH": "5/hour",
}
WRONG_PASSWORD = {"email": ADMIN["ADMIN_EMAIL"], "password": "a guess"}
needs_redis = pytest.mark.skipif(
    BINARY is None, reason="requires redis-server; .ci/run installs it"
)


@pytest.fixture
def start(mongod, tmp_path, request):
    """Starts a server with the given settings. All servers of a test use the same database."""
    name = f"limits_{abs(hash(request.node.name)) % 10**9}"
    number = iter(range(9))

    def start(**settings):
        folder = tmp_path / str(next(number))
        folder.mkdir()
        database = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": name}
        defaults = GUARDED | LIMITED | database | {"WORKERS": 4, "THREADS": 8}
        return serving(folder, **(defaults | settings))

    start.database = name
    return start


@pytest.fixture
def count_failures(mongod, start):
    """Counts the sign-in attempts that reached the password check, and failed there."""
    mongo = MongoClient(mongod.uri)
    yield lambda: mongo[start.database].audit.count_documents({"action": "auth.login_failed"})
    mongo.close()


def attempt(http, **headers):
    """Sign in with a wrong password; return the status."""
    return retry_while_busy(
        lambda: http.post("/api/auth/login", json=WRONG_PASSWORD, headers=headers)
    ).status_code


def read(http, **headers):
    return retry_while_busy(lambda: http.get("/api/password-policy", headers=headers)).status_code


def attempt_in_parallel(http, number):
    """Returns the number of responses of each status."""
    with ThreadPoolExecutor(64) as pool:
        return Counter(pool.map(lambda _: attempt(http), range(number)))


@pytest.mark.long
def test_5_of_200_parallel_sign_ins_reach_password_check(start, count_failures):
    with start() as server, client(server) as http:
        server.await_status("/ready", 200)
        assert attempt_in_parallel(http, 200) == {401: 5, 429: 195}
        assert count_failures() == 5
    with start() as server, client(server) as http:
        server.await_status("/ready", 200)
        assert attempt_in_parallel(http, 20) == {429: 20}
        assert count_failures() == 5


@pytest.mark.long
def test_spoofed_addresses_do_not_raise_limit(start, count_failures):
    with start() as server, client(server) as http:
        server.await_status("/ready", 200)
        names = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP")

        def attempt_from(number):
            address = f"198.51.{number // 250}.{number % 250 + 1}"
            headers = dict.fromkeys(names, address) | {"Forwarded": f"for={address}"}
            return attempt(http, **headers)

        with ThreadPoolExecutor(32) as pool:
            statuses = Counter(pool.map(attempt_from, range(rounds(1000))))
        assert statuses == {401: 5, 429: rounds(1000) - 5}
        assert count_failures() == 5


def test_only_address_from_trusted_proxy_counts(start):
    with start(TRUSTED_PROXIES=1, RATELIMIT_AUTH="1/hour") as server, client(server) as http:
        server.await_status("/ready", 200)
        assert attempt(http, **{"X-Forwarded-For": "198.51.100.1"}) == 401
        assert attempt(http, **{"X-Forwarded-For": "198.51.100.1"}) == 429
        assert attempt(http, **{"X-Forwarded-For": "203.0.113.9, 198.51.100.1"}) == 429
        assert attempt(http, **{"X-Forwarded-For": "198.51.100.2"}) == 401
        assert attempt(http, **{"X-Forwarded-For": "2001:db8::1"}) == 401
        assert attempt(http, **{"X-Forwarded-For": "2001:db8::ffff:2"}) == 429, "same /64 network"
        assert attempt(http, **{"X-Forwarded-For": "no address"}) == 401
        assert attempt(http, **{"X-Forwarded-For": "none either"}) == 429


def test_refreshes_are_counted_for_each_session(start):
    with (
        start(RATELIMIT_AUTH="2/hour", RATELIMIT_REFRESH="3/hour") as server,
        client(server) as http,
    ):
        server.await_status("/ready", 200)
        user = register(http, "someone")
        other = sign_in(http, user.email, PASSWORD)
        tokens = [user.refresh_token]
        for _ in range(3):
            response = http.post("/api/auth/refresh", json={"refresh_token": tokens[-1]})
            assert response.status_code == 200
            tokens.append(response.json()["data"]["refresh_token"])
        refused = http.post("/api/auth/refresh", json={"refresh_token": tokens[-1]})
        assert refused.status_code == 429
        assert '"refresh";r=0;t=' in refused.headers["RateLimit"]
        body = {"refresh_token": other.refresh_token}
        assert http.post("/api/auth/refresh", json=body).status_code == 200


def test_unknown_tokens_and_password_changes_count_as_attempts(start):
    with start(RATELIMIT_AUTH="4/hour") as server, client(server) as http:
        server.await_status("/ready", 200)
        user = register(http, "someone")
        refreshed = http.post("/api/auth/refresh", json={"refresh_token": "not a token"})
        assert refreshed.status_code == 401
        change = {"password": PASSWORD + "!", "current_password": "a guess"}
        wrong = retry_while_busy(
            lambda: http.patch("/api/users/me", json=change, headers=user.headers)
        )
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (403, "wrong_password")
        assert attempt(http) == 401
        for response in (
            http.post("/api/auth/refresh", json={"refresh_token": "another one"}),
            http.patch(
                "/api/users/me", json=change | {"current_password": PASSWORD}, headers=user.headers
            ),
        ):
            assert response.status_code == 429
            assert 0 < int(response.headers["Retry-After"]) <= 3600
            assert '"auth";r=0;t=' in response.headers["RateLimit"]
        assert http.get("/api/auth/me", headers=user.headers).status_code == 200
        renamed = http.patch("/api/users/me", json={"name": "Some One"}, headers=user.headers)
        assert renamed.status_code == 200


def test_5_of_40_parallel_registrations_are_validated(start):
    new = {"name": "New", "email": "new@house.org", "password": "password1"}
    with (
        start(RATELIMIT_REGISTRATION="5/hour", RATELIMIT_DEFAULT="1000/second") as server,
        client(server) as http,
    ):
        server.await_status("/ready", 200)
        with ThreadPoolExecutor(20) as pool:
            sent = pool.map(
                lambda _: retry_while_busy(lambda: http.post("/api/users", json=new)).status_code,
                range(40),
            )
            statuses = Counter(sent)
    assert statuses == {400: 5, 429: 35}


@pytest.mark.long
@needs_redis
def test_limits_in_redis_are_exact_across_workers(start, tmp_path, count_failures):
    with redis_server(tmp_path) as (uri, _):
        settings = {"REDIS_URL": uri, "RATELIMIT_DEFAULT": "150/hour", "TRUSTED_PROXIES": 1}
        proxied = {"X-Forwarded-For": "203.0.113.9"}
        with start(**settings) as server, client(server) as http:
            server.await_status("/ready", 200)  # Counts for another address.
            with ThreadPoolExecutor(16) as pool:
                reads = Counter(pool.map(lambda _: read(http, **proxied), range(300)))
            assert reads == {200: 150, 429: 150}
        with start(REDIS_URL=uri) as server, client(server) as http:
            server.await_status("/ready", 200)
            assert attempt_in_parallel(http, 60) == {401: 5, 429: 55}
            assert count_failures() == 5


@needs_redis
def test_only_sign_in_returns_503_without_redis(start, tmp_path):
    port = get_free_port()
    settings = {"RATELIMIT_AUTH": "1000/hour", "REDIS_URL": f"redis://127.0.0.1:{port}/0"}
    with (
        redis_server(tmp_path, port) as (_, redis),
        start(**settings) as server,
        client(server) as http,
    ):
        server.await_status("/ready", 200)
        user = register(http, "someone")
        redis.kill()
        redis.wait()
        for _ in range(8):
            login = http.post("/api/auth/login", json=WRONG_PASSWORD)
            assert (login.status_code, login.json()["error"]["code"]) == (503, "limits_unavailable")
            assert login.headers["Retry-After"].isdigit()
            assert http.get("/api/auth/me", headers=user.headers).status_code == 200
            body = {"name": "Still Here"}
            changed = http.patch("/api/users/me", json=body, headers=user.headers)
            assert changed.status_code == 200
        with redis_server(tmp_path, port):
            assert attempt(http) == 401


def test_reads_work_if_redis_was_never_reachable(start):
    with (
        start(REDIS_URL=f"redis://127.0.0.1:{get_free_port()}/0") as server,
        client(server) as http,
    ):
        server.await_status("/ready", 200)
        assert http.get("/api/password-policy").status_code == 200
        assert http.post("/api/auth/login", json=WRONG_PASSWORD).status_code == 503
