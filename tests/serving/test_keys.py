"""The key ring: rotation under load, encryption in the database, and the public JWK Set."""

import threading
import time

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from pymongo import MongoClient

from tests.harness.serving import retry_while_busy, serving
from tests.serving.guarded import GUARDED, client, register, run_command, sign_in

PAUSE_SECONDS = 0.05
"""Between two requests of each client: the test needs interleaving, not load."""


@pytest.fixture(scope="module")
def environment(mongod):
    return GUARDED | {
        "MONGODB_URI": mongod.uri,
        "MONGODB_DBNAME": "keys",
        "WORKERS": 4,
        "THREADS": 4,
    }


def run_keys(environment, tmp_path, *arguments):
    """Run `rollbook keys`. Returns the fields of each line that it prints."""
    result = run_command(tmp_path, "keys", *arguments, **environment)
    assert result.returncode == 0, result.stderr
    lines = [line.split() for line in result.stdout.splitlines()]
    return [fields for fields in lines if fields[0] != "KID"]


def test_published_keys_verify_access_token(http):
    response = retry_while_busy(lambda: http.get("/.well-known/jwks.json"))
    assert response.headers["Cache-Control"] == "public, max-age=300"
    assert all(
        set(key) == {"kty", "use", "alg", "kid", "n", "e"} for key in response.json()["keys"]
    )
    token = jwt.decode(
        sign_in(http).access_token, KeySet.import_key_set(response.json()), algorithms=["RS256"]
    )
    assert token.header.keys() == {"alg", "typ", "kid"}
    assert token.claims.keys() == {"iss", "aud", "sub", "sid", "iat", "nbf", "exp", "jti"}
    assert token.claims["exp"] - token.claims["iat"] == 900


def test_database_has_no_private_key_in_plain_text(mongod, http):
    with MongoClient(mongod.uri) as mongo:
        stored = list(mongo["keys"].signing_keys.find())
    assert {key.get("slot") for key in stored} >= {"active", "next"}
    for key in stored:
        assert set(key["public"]) == {"kty", "n", "e"}
        assert "PRIVATE" not in str(key)
        assert key["sealed"].startswith("gAAAAA")


@pytest.mark.long
@pytest.mark.timeout(180)
def test_rotations_under_load_refuse_no_token(environment, tmp_path, http):
    """Clients sign in and use tokens during three rotations, two of them within a second."""
    tokens = [register(http, f"bearer{number}").headers for number in range(4)]
    refused, uses, stop = [], [0], threading.Event()

    def use_tokens(number):
        while not stop.is_set():
            signed_in = sign_in(http) if number % 2 else None
            for headers in [signed_in.headers] if signed_in else tokens:
                status = http.get("/api/auth/me", headers=headers).status_code
                uses[0] += 1
                if status != 200:
                    refused.append(status)
                time.sleep(PAUSE_SECONDS)

    threads = [threading.Thread(target=use_tokens, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    try:
        before = run_keys(environment, tmp_path, "list")
        run_keys(environment, tmp_path, "rotate")
        time.sleep(0.2)
        run_keys(environment, tmp_path, "rotate")
        time.sleep(11)  # Longer than a worker may still sign with a retired key.
        run_keys(environment, tmp_path, "rotate")
        time.sleep(1)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert refused == []
    assert uses[0] > 500
    after = run_keys(environment, tmp_path, "list")
    retired_before = [key[1] for key in before].count("retired")
    assert [key[1] for key in after].count("retired") == retired_before + 3
    assert {key[1] for key in after} == {"next", "active", "retired"}
    published = {key["kid"] for key in http.get("/.well-known/jwks.json").json()["keys"]}
    assert {key[0] for key in before} <= published | {key[0] for key in after}


def list_active_keys(environment, tmp_path):
    return [key[0] for key in run_keys(environment, tmp_path, "list") if key[1] == "active"]


def test_keys_commands_require_secret_key(environment, tmp_path):
    without = environment | {"SECRET_KEY": "", "DATA_DIR": ".data"}
    for arguments in (("rotate",), ("rotate", "--replace-sealed"), ("list",)):
        result = run_command(tmp_path, "keys", *arguments, **without)
        assert result.returncode == 1
        assert result.stderr.startswith("SECRET_KEY: not set, and DATA_DIR has none.")
    assert not (tmp_path / ".data").exists()


@pytest.mark.long
def test_server_with_other_secret_key_is_ready_after_rotation(environment, tmp_path):
    own = environment | {"MONGODB_DBNAME": "sealed", "WORKERS": 1}
    other = own | {"SECRET_KEY": "c7e41b9a5d3f8026e1b7c94a0f6d2853"}
    run_keys(own, tmp_path, "rotate")
    with serving(tmp_path, **other) as another, client(another) as there:
        another.await_status("/health", 200)
        ready = there.get("/ready")
        assert ready.status_code == 503
        assert "SECRET_KEY" in ready.json()["error"]["details"][0]["message"]
        credentials = {"email": "a@b.org", "password": "x"}
        assert there.post("/api/auth/login", json=credentials).status_code == 503
        listed = run_command(tmp_path, "users", "list", **other)
        assert listed.returncode == 0, "the command for users must not need the keys"
        refused = run_command(tmp_path, "keys", "rotate", **other)
        assert (refused.returncode, "--replace-sealed" in refused.stderr) == (1, True)
        assert list_active_keys(own, tmp_path) == list_active_keys(other, tmp_path)
        run_keys(other, tmp_path, "rotate", "--replace-sealed")
        another.await_status("/ready", 200)
        states = [key[1] for key in run_keys(other, tmp_path, "list")]
        assert states == ["next", "active", "retired", "retired"]
        sign_in(there)
