"""Secrets that nobody gave: made once, for our eyes only; and values that stop the start."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from rollbook.secret_files import with_kept_secrets, with_secrets
from rollbook.settings import Settings, SettingsError, load

PRODUCTION = {"ENVIRONMENT": "production", "MONGODB_URI": "mongodb://x/"}
GOOD = "3f9c1d7e5b2a8064c1e3f5079a8b6c4d"


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """In an empty folder, without the environment of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)


def test_a_missing_secret_is_made_once_and_kept_for_us_alone(tmp_path):
    settings, made = with_secrets(load())
    kept = tmp_path / ".data" / "secret_key"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    secret = settings.secret_key.get_secret_value()
    assert len(secret) == 64
    assert kept.read_text().strip() == secret
    assert len(made) == 1
    assert secret not in made[0]
    again, made = with_secrets(load())
    assert again.secret_key == settings.secret_key
    assert made == []


def test_with_hs256_a_signing_secret_is_made_too(monkeypatch):
    monkeypatch.setenv("JWT_ALGORITHM", "hs256")
    settings, made = with_secrets(load())
    assert settings.jwt_secret_key != settings.secret_key
    assert len(made) == 2


def test_starts_at_one_instant_agree_on_one_secret(tmp_path):
    settings = load()
    with ThreadPoolExecutor(1) as pool:
        results = [pool.submit(with_secrets, settings) for _ in range(3)]
    assert len({found.result()[0].secret_key.get_secret_value() for found in results}) == 1
    assert [path.name for path in (tmp_path / ".data").iterdir()] == ["secret_key"]


def fails():
    with pytest.raises(SettingsError) as caught:
        with_secrets(load())
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    "value",
    ["tiny", "x" * 40, "changeme-changeme-changeme-changeme", "your-secret-key-here-your-secret-key-here"],
)
@pytest.mark.parametrize("name", ["SECRET_KEY", "JWT_SECRET_KEY"])
def test_a_short_or_example_secret_stops_the_start_with_a_line_that_does_not_repeat_it(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    (line,) = fails()
    assert line.startswith(f"{name}: ")
    assert value not in line


@pytest.mark.parametrize("name", ["SECRET_KEY", "JWT_SECRET_KEY", "ADMIN_PASSWORD"])
def test_an_empty_secret_stops_the_start_in_production_from_wherever_it_comes(monkeypatch, tmp_path, name):
    for key, value in PRODUCTION.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv(name, "")
    assert fails() == [f"{name}: empty; give a value, or do not set it"]
    monkeypatch.delenv(name)
    (tmp_path / ".env").write_text(f"{name}=\n")
    assert fails() == [f"{name}: empty; give a value, or do not set it"]


def test_a_secret_that_others_may_read_or_that_cannot_be_kept_stops_the_start(tmp_path, monkeypatch):
    with_secrets(load())
    kept = tmp_path / ".data" / "secret_key"
    kept.chmod(0o644)
    assert fails() == ["SECRET_KEY: others may read .data/secret_key; run chmod 600 on it"]
    kept.chmod(0o600)
    kept.write_text("")
    assert "too short" in fails()[0]
    monkeypatch.setenv("DATA_DIR", "/proc/nowhere")
    (line,) = fails()
    assert line.startswith("SECRET_KEY: not set, and /proc/nowhere/secret_key cannot keep one")


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"ADMIN_EMAIL": "a@b.org"}, "ADMIN_EMAIL and ADMIN_PASSWORD: set both, or neither"),
        ({"JWT_ALGORITHM": "RS256", "JWT_SECRET_KEY": GOOD}, "JWT_ALGORITHM: RS256 signs with the key ring; leave"),
        ({"JWT_ALGORITHM": "none"}, "JWT_ALGORITHM: "),
        ({"RATELIMIT_AUTH": "many"}, "RATELIMIT_AUTH: not a limit; write 5/minute"),
        ({"RATELIMIT_AUTH": "0/minute"}, "RATELIMIT_AUTH: not a limit; write 5/minute"),
        ({"REDIS_URL": "http://x"}, "REDIS_URL: not a Redis URI"),
        ({"REDIS_URL": "redis://localhost:abc"}, "REDIS_URL: not a Redis URI"),
        ({"REDIS_URL": "redis://localhost/0?socket_timeout=abc"}, "REDIS_URL: not a Redis URI"),
        ({"SECRET_KEY": "\udcff" + GOOD}, "SECRET_KEY: only ASCII characters"),
        (PRODUCTION | {"ADMIN_EMAIL": "a@b.org", "ADMIN_PASSWORD": "ChangeMe123!"}, "ADMIN_PASSWORD: an example"),
        ({"TRUSTED_PROXIES": "-1"}, "TRUSTED_PROXIES: "),
        ({"REGISTRATION": "maybe"}, "REGISTRATION: "),
        ({"ACCESS_TOKEN_EXPIRE_MINUTES": "0"}, "ACCESS_TOKEN_EXPIRE_MINUTES: "),
    ],
)
def test_a_wrong_setting_is_one_line(monkeypatch, environment, line):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (found,) = fails()
    assert found.startswith(line)


def test_a_good_secret_is_taken_as_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET_KEY", GOOD)
    settings, made = with_secrets(load())
    assert settings.secret_key.get_secret_value() == GOOD
    assert made == []
    assert not (tmp_path / ".data").exists()


def test_a_leftover_of_a_start_that_was_killed_stops_no_other(tmp_path):
    (tmp_path / ".data").mkdir(mode=0o700)
    (tmp_path / ".data" / f".secret_key.{os.getpid()}").write_text("half")
    assert len(with_secrets(load())[1]) == 1


def test_a_command_takes_the_secret_that_is_kept_and_makes_none(tmp_path):
    passing = with_kept_secrets(load())
    assert passing.secret_key != with_kept_secrets(load()).secret_key
    assert not (tmp_path / ".data").exists()
    kept, _ = with_secrets(load())
    assert with_kept_secrets(load()).secret_key == kept.secret_key


@pytest.mark.parametrize("line", ['REGISTRATION="closed', "REGISTRATION closed", "JWT_SECRET_KEY: 0f8f"])
def test_a_line_of_the_env_file_that_cannot_be_read_stops_the_start(tmp_path, line):
    (tmp_path / ".env").write_text(f"PORT=5001\n{line}\n")
    assert fails() == [".env, line 2: not NAME=value"]


def test_an_env_file_that_is_no_text_stops_the_start_in_one_line(tmp_path):
    (tmp_path / ".env").write_bytes(b"PORT=5001\n# caf\xe9\n")
    (line,) = fails()
    assert line.startswith(".env or /run/secrets: it cannot be read")
