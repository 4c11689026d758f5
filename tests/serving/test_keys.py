"""The key ring: rotated under load without a token refused, sealed, and verified by a stranger with the JWK Set."""

import threading
import time

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from pymongo import MongoClient

from tests.harness.serving import patiently, serving
from tests.serving.guarded import GUARDED, client, command, register, sign_in

PAUSE_SECONDS = 0.05
"""Of each of six clients between two calls: it is about what comes between, not about how much."""


@pytest.fixture(scope="module")
def environment(mongod):
    return GUARDED | {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "keys", "WORKERS": 4, "THREADS": 4}


def keys(environment, tmp_path, *words):
    done = command(tmp_path, "keys", *words, **environment)
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_a_stranger_verifies_a_token_with_the_published_keys(http):
    answer = patiently(lambda: http.get("/.well-known/jwks.json"))
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert all(set(key) == {"kty", "use", "alg", "kid", "n", "e"} for key in answer.json()["keys"])
    token = jwt.decode(sign_in(http).access_token, KeySet.import_key_set(answer.json()), algorithms=["RS256"])
    assert token.header.keys() == {"alg", "typ", "kid"}
    assert token.claims.keys() == {"iss", "aud", "sub", "sid", "iat", "nbf", "exp", "jti"}
    assert token.claims["exp"] - token.claims["iat"] == 900


def test_no_private_key_lies_in_the_database(mongod, http):
    with MongoClient(mongod.uri) as mongo:
        stored = list(mongo["keys"].signing_keys.find())
    assert {key.get("slot") for key in stored} >= {"active", "next"}
    for key in stored:
        assert set(key["public"]) == {"kty", "n", "e"}
        assert "PRIVATE" not in str(key)
        assert key["sealed"].startswith("gAAAAA")


@pytest.mark.timeout(180)
def test_rotations_under_load_refuse_no_token(environment, tmp_path, http):
    """Tokens are issued and used all the while; three rotations come, two of them within a second."""
    tokens = [register(http, f"bearer{number}").headers for number in range(4)]
    refused, uses, stop = [], [0], threading.Event()

    def use(number):
        while not stop.is_set():
            signed_in = sign_in(http) if number % 2 else None
            for headers in [signed_in.headers] if signed_in else tokens:
                status = http.get("/api/auth/me", headers=headers).status_code
                uses[0] += 1
                if status != 200:
                    refused.append(status)
                time.sleep(PAUSE_SECONDS)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    try:
        before = keys(environment, tmp_path, "list")
        keys(environment, tmp_path, "rotate")
        time.sleep(0.2)
        keys(environment, tmp_path, "rotate")
        time.sleep(11)  # Longer than a worker signs with a key that was retired meanwhile.
        keys(environment, tmp_path, "rotate")
        time.sleep(1)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert refused == []
    assert uses[0] > 500
    after = keys(environment, tmp_path, "list")
    assert [key[1] for key in after].count("retired") == [key[1] for key in before].count("retired") + 3
    assert {key[1] for key in after} == {"next", "active", "retired"}
    published = {key["kid"] for key in http.get("/.well-known/jwks.json").json()["keys"]}
    assert {key[0] for key in before} <= published | {key[0] for key in after}


def another_key(environment, tmp_path):
    return [key[0] for key in keys(environment, tmp_path, "list") if key[1] == "active"]


def test_without_any_secret_key_no_command_touches_the_ring(environment, tmp_path):
    without = environment | {"SECRET_KEY": ""}
    for words in (("rotate",), ("rotate", "--replace-sealed"), ("list",)):
        done = command(tmp_path, "keys", *words, **without)
        assert done.returncode == 1
        assert done.stderr.startswith("SECRET_KEY: not set, and none is kept in DATA_DIR")
    assert not (tmp_path / ".data").exists()


def test_with_another_secret_key_it_is_not_ready_until_the_keys_are_rotated(environment, tmp_path):
    own = environment | {"MONGODB_DBNAME": "sealed", "WORKERS": 1}
    other = own | {"SECRET_KEY": "c7e41b9a5d3f8026e1b7c94a0f6d2853"}
    keys(own, tmp_path, "rotate")
    with serving(tmp_path, **other) as another, client(another) as there:
        another.await_status("/health", 200)
        ready = there.get("/ready")
        assert ready.status_code == 503
        assert "SECRET_KEY" in ready.json()["error"]["details"][0]["message"]
        assert there.post("/api/auth/login", json={"email": "a@b.org", "password": "x"}).status_code == 503
        listed = command(tmp_path, "users", "list", **other)
        assert listed.returncode == 0, "users need no keys"
        refused = command(tmp_path, "keys", "rotate", **other)
        assert (refused.returncode, "--replace-sealed" in refused.stderr) == (1, True)
        assert another_key(own, tmp_path) == another_key(other, tmp_path)
        keys(other, tmp_path, "rotate", "--replace-sealed")
        another.await_status("/ready", 200)
        assert [key[1] for key in keys(other, tmp_path, "list")] == ["next", "active", "retired", "retired"]
        sign_in(there)
