"""Missing secrets are created once, in private files. Wrong values stop the start."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from rollbook.secret_files import load_or_create_secrets, load_secrets
from rollbook.settings import Settings, SettingsError
from rollbook.settings_loader import load_settings

PRODUCTION = {"ENVIRONMENT": "production", "MONGODB_URI": "mongodb://x/"}
GOOD = "3f9c1d7e5b2a8064c1e3f5079a8b6c4d"


@pytest.fixture(autouse=True)
def isolate(tmp_path, monkeypatch):
    """Run in an empty folder, without the settings in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)


def test_missing_secret_is_created_once_and_is_private(tmp_path):
    settings, messages = load_or_create_secrets(load_settings())
    secret_file = tmp_path / ".data" / "secret_key"
    assert secret_file.stat().st_mode & 0o777 == 0o600
    assert secret_file.parent.stat().st_mode & 0o777 == 0o700
    secret = settings.secret_key.get_secret_value()
    assert len(secret) == 64
    assert secret_file.read_text().strip() == secret
    assert len(messages) == 1
    assert secret not in messages[0]
    reloaded, messages = load_or_create_secrets(load_settings())
    assert reloaded.secret_key == settings.secret_key
    assert messages == []


def test_hs256_creates_a_signing_secret_too(monkeypatch):
    monkeypatch.setenv("JWT_ALGORITHM", "hs256")
    settings, messages = load_or_create_secrets(load_settings())
    assert settings.jwt_secret_key != settings.secret_key
    assert len(messages) == 2


def test_concurrent_starts_agree_on_one_secret(tmp_path):
    settings = load_settings()
    with ThreadPoolExecutor(8) as pool:
        results = [pool.submit(load_or_create_secrets, settings) for _ in range(8)]
    assert len({result.result()[0].secret_key.get_secret_value() for result in results}) == 1
    assert [path.name for path in (tmp_path / ".data").iterdir()] == ["secret_key"]


def get_errors():
    with pytest.raises(SettingsError) as caught:
        load_or_create_secrets(load_settings())
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    "value",
    [
        "tiny",
        "x" * 40,
        "changeme-changeme-changeme-changeme",
        "your-secret-key-here-your-secret-key-here",
    ],
)
@pytest.mark.parametrize("name", ["SECRET_KEY", "JWT_SECRET_KEY"])
def test_weak_secret_stops_the_start(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    (line,) = get_errors()
    assert line.startswith(f"{name}: ")
    assert value not in line


@pytest.mark.parametrize("name", ["SECRET_KEY", "JWT_SECRET_KEY", "ADMIN_PASSWORD"])
def test_empty_secret_stops_the_start_in_production(monkeypatch, tmp_path, name):
    for key, value in PRODUCTION.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv(name, "")
    assert get_errors() == [f"{name}: empty. Set a value, or unset it."]
    monkeypatch.delenv(name)
    (tmp_path / ".env").write_text(f"{name}=\n")
    assert get_errors() == [f"{name}: empty. Set a value, or unset it."]


def test_insecure_or_unwritable_secret_file_stops_the_start(tmp_path, monkeypatch):
    load_or_create_secrets(load_settings())
    secret_file = tmp_path / ".data" / "secret_key"
    secret_file.chmod(0o644)
    assert get_errors() == ["SECRET_KEY: others can read .data/secret_key. Run chmod 600 on it."]
    secret_file.chmod(0o600)
    secret_file.write_text("")
    assert "too short" in get_errors()[0]
    monkeypatch.setenv("DATA_DIR", "/proc/nowhere")
    (line,) = get_errors()
    assert line.startswith("SECRET_KEY: not set, and /proc/nowhere/secret_key cannot hold one")


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"ADMIN_EMAIL": "a@b.org"}, "ADMIN_EMAIL and ADMIN_PASSWORD: set both, or neither."),
        (
            {"JWT_ALGORITHM": "RS256", "JWT_SECRET_KEY": GOOD},
            "JWT_ALGORITHM: RS256 signs with the key ring. Unset",
        ),
        ({"JWT_ALGORITHM": "none"}, "JWT_ALGORITHM: "),
        ({"RATELIMIT_AUTH": "many"}, "RATELIMIT_AUTH: not a limit. Write 5/minute"),
        ({"RATELIMIT_AUTH": "0/minute"}, "RATELIMIT_AUTH: not a limit. Write 5/minute"),
        ({"REDIS_URL": "http://x"}, "REDIS_URL: not a Redis URL"),
        ({"REDIS_URL": "redis://localhost:abc"}, "REDIS_URL: not a Redis URL"),
        ({"REDIS_URL": "redis://localhost/0?socket_timeout=abc"}, "REDIS_URL: not a Redis URL"),
        ({"SECRET_KEY": "\udcff" + GOOD}, "SECRET_KEY: not ASCII"),
        (
            PRODUCTION | {"ADMIN_EMAIL": "a@b.org", "ADMIN_PASSWORD": "ChangeMe123!"},
            "ADMIN_PASSWORD: an example",
        ),
        ({"TRUSTED_PROXIES": "-1"}, "TRUSTED_PROXIES: "),
        ({"REGISTRATION": "maybe"}, "REGISTRATION: "),
        ({"ACCESS_TOKEN_EXPIRE_MINUTES": "0"}, "ACCESS_TOKEN_EXPIRE_MINUTES: "),
    ],
)
def test_invalid_setting_is_reported_in_one_line(monkeypatch, environment, line):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (error,) = get_errors()
    assert error.startswith(line)


def test_strong_secret_is_used_unchanged(monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET_KEY", GOOD)
    settings, messages = load_or_create_secrets(load_settings())
    assert settings.secret_key.get_secret_value() == GOOD
    assert messages == []
    assert not (tmp_path / ".data").exists()


def test_leftover_of_a_killed_start_is_harmless(tmp_path):
    (tmp_path / ".data").mkdir(mode=0o700)
    (tmp_path / ".data" / f".secret_key.{os.getpid()}").write_text("half")
    assert len(load_or_create_secrets(load_settings())[1]) == 1


def test_command_uses_a_stored_secret_but_creates_none(tmp_path):
    temporary = load_secrets(load_settings())
    assert temporary.secret_key != load_secrets(load_settings()).secret_key
    assert not (tmp_path / ".data").exists()
    secret_file, _ = load_or_create_secrets(load_settings())
    assert load_secrets(load_settings()).secret_key == secret_file.secret_key


@pytest.mark.parametrize(
    "line", ['REGISTRATION="closed', "REGISTRATION closed", "JWT_SECRET_KEY: 0f8f"]
)
def test_malformed_env_line_stops_the_start(tmp_path, line):
    (tmp_path / ".env").write_text(f"PORT=5001\n{line}\n")
    assert get_errors() == [".env, line 2: not NAME=value."]


def test_env_file_with_bad_encoding_stops_the_start(tmp_path):
    (tmp_path / ".env").write_bytes(b"PORT=5001\n# caf\xe9\n")
    (line,) = get_errors()
    assert line.startswith(".env or /run/secrets: it is not readable")
