"""Settings: where they come from, and one line for each mistake."""

from secrets import token_hex, token_urlsafe

import pytest
from pydantic import ValidationError

from rollbook import settings_loader as module
from rollbook.settings import Settings, SettingsError
from rollbook.settings_loader import load_settings


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(module, "SECRETS_FOLDER", tmp_path / "secrets")
    return tmp_path


def test_defaults_are_safe():
    settings = load_settings()
    assert (settings.host, settings.port, settings.mongodb_uri) == ("127.0.0.1", 5000, None)
    assert (settings.bcrypt_rounds, settings.allow_standalone) == (12, False)


def test_environment_overrides_dotenv_and_secrets(folder, monkeypatch):
    (folder / "secrets").mkdir()
    for name, value in {
        "port": "1001",
        "host": "1.1.1.1",
        "mongodb_uri": "mongodb://secret",
    }.items():
        (folder / "secrets" / name).write_text(value)
    (folder / ".env").write_text("PORT=1002\nHOST=2.2.2.2\nSOMETHING_ELSE=x\n")
    monkeypatch.setenv("PORT", "1003")
    settings = load_settings()
    assert (settings.port, settings.host, settings.mongodb_uri.get_secret_value()) == (
        1003,
        "2.2.2.2",
        "mongodb://secret",
    )


def test_empty_setting_is_unset(monkeypatch):
    monkeypatch.setenv("MONGODB_URI", "")
    monkeypatch.setenv("PORT", "")
    assert (load_settings().mongodb_uri, load_settings().port) == (None, 5000)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "70000"),
        ("PORT", "x"),
        ("WORKERS", "0"),
        ("THREADS", "-1"),
        ("BCRYPT_ROUNDS", "3"),
        ("BCRYPT_ROUNDS", "17"),
        ("PASSWORD_POLICY", "lax"),
        ("PASSWORD_MIN_LENGTH", "7"),
        ("NAME_MAX_LENGTH", "0"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "null"),
        ("CORS_ORIGINS", "app.example.com"),
        ("CORS_ORIGINS", "https://app.example.com/"),
        ("CORS_ORIGINS", "https://*.com"),
        ("CORS_ORIGINS", "https://*"),
        ("CORS_ORIGINS", "https://app.*.com"),
        ("CORS_ORIGINS", "https://a.example.com https://b.example.com"),
        ("ALLOWED_HOSTS", "users.example:5000"),
        ("ALLOWED_HOSTS", "https://users.example"),
        ("HSTS", "31536000"),
        ("HSTS", "max-age=1; nonsense"),
        ("TRUSTED_CLIENTS", "0f8c3b5e7d9a1c2e4f6081a3b5c7d9ef"),
        ("TRUSTED_CLIENTS", "shop:short"),
        ("TRUSTED_CLIENTS", ":0f8c3b5e7d9a1c2e4f6081a3b5c7d9ef"),
        ("API_PREFIX", "api"),
        ("API_PREFIX", "/api/"),
        ("API_PREFIX", "/<x>"),
        ("ALLOW_STANDALONE", "maybe"),
        ("MONGODB_URI", "http://host"),
        ("MONGODB_URI", "host:27017"),
        ("MONGODB_URI", "mongodb://"),
        ("MONGODB_URI", "mongodb://h/?nonsense=1"),
        ("MONGODB_URI", "mongodb://h/?tls=maybe"),
        ("MONGODB_URI", "mongodb://u:p%zz@h"),
        ("MONGODB_URI", "mongodb+srv://"),
        ("MONGODB_DBNAME", "a.b"),
        ("ENVIRONMENT", "staging"),
        ("LOG_LEVEL", "LOUD"),
        ("MAX_BODY_BYTES", "1"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_invalid_value_is_reported_in_one_line(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{name}: ")


def test_every_mistake_is_reported_without_secrets(monkeypatch):
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("WORKERS", "y")
    monkeypatch.setenv("MONGODB_URI", "redis://user:hunter2@host")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert len(str(caught.value).splitlines()) == 3
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "setting"),
    [
        ({"MONGODB_URI": ""}, "MONGODB_URI"),
        ({"MONGODB_URI": "mongodb://m", "BCRYPT_ROUNDS": "9"}, "BCRYPT_ROUNDS"),
    ],
)
def test_production_has_stricter_requirements(monkeypatch, environment, setting):
    monkeypatch.setenv("ENVIRONMENT", "production")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{setting}: "):
        load_settings()


def test_every_mistake_in_production_is_reported(monkeypatch):
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("BCRYPT_ROUNDS", "4")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        "MONGODB_URI",
        "BCRYPT_ROUNDS",
    ]


@pytest.mark.parametrize(
    ("policy", "min_length", "expected"),
    [("strict", 8, 15), ("strict", 20, 20), ("standard", 12, 12)],
)
def test_min_password_length_is_the_stricter_of_two(policy, min_length, expected):
    assert (
        Settings(
            _env_file=None, password_policy=policy, password_min_length=min_length
        ).min_password_length
        == expected
    )


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://a:27017,b:27018,c/?replicaSet=rs0",
        "mongodb://user:p%40ss@[::1]:27017/admin?tls=true&w=majority",
        "mongodb+srv://user:pass@cluster.example.net/?retryWrites=true",
    ],
)
def test_every_form_of_mongodb_uri_is_accepted_and_hidden(monkeypatch, uri):
    monkeypatch.setenv("MONGODB_URI", uri)
    settings = load_settings()
    assert settings.mongodb_uri.get_secret_value() == uri
    assert uri not in repr(settings)


def test_refresh_cookie_needs_origins(monkeypatch):
    monkeypatch.setenv("REFRESH_COOKIE", "true")
    with pytest.raises(SettingsError, match="REFRESH_COOKIE: needs CORS_ORIGINS"):
        load_settings()


def test_settings_are_immutable():
    with pytest.raises(ValidationError):
        load_settings().port = 1


PUBLISHED = [
    "a-string-secret-at-least-256-bits-long",
    "A-STRING-SECRET-AT-LEAST-256-BITS-LONG",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    "404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970",
    "super-secret-jwt-token-with-at-least-32-characters-long",
    "your-256-bit-secret-your-256-bit-secret",
    "5367566B59703373367639792F423F4528482B4D6251655468576D5A71347437",
    "THIS_IS_A_VERY_LONG_AND_SECURE_JWT_KEY_2024",
    "django-insecure-x8k2n5v9q3w7e1r4t6y0u-i2o4p6a8s0d2f4",
]
WEAK = [
    "0123456789abcdef" * 2,
    "deadbeef" * 4,
    "qwertyuiopasdfghjklzxcvbnm1234567",
    "abcdefghijklmnopqrstuvwxyz012345",
]


@pytest.mark.parametrize("secret", PUBLISHED + WEAK)
@pytest.mark.parametrize("name", ["SECRET_KEY", "JWT_SECRET_KEY"])
def test_published_or_guessable_key_stops_the_start(monkeypatch, name, secret):
    monkeypatch.setenv(name, secret)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"{name}: ")
    assert "openssl rand -hex 32" in str(caught.value)
    assert secret not in str(caught.value)


@pytest.mark.parametrize(
    "make", [lambda: token_hex(16), lambda: token_hex(32), lambda: token_urlsafe(32)]
)
def test_random_key_is_accepted(monkeypatch, make):
    for _ in range(20):
        monkeypatch.setenv("SECRET_KEY", make())
        load_settings()


def test_same_key_for_two_settings_stops_the_start(monkeypatch):
    for name in ("SECRET_KEY", "JWT_SECRET_KEY"):
        monkeypatch.setenv(name, "7f3a9c5e1b8d2046f3a7c9e5b1d80462")
    with pytest.raises(SettingsError, match="JWT_SECRET_KEY: the same as SECRET_KEY"):
        load_settings()


def test_hosts_are_names_and_addresses():
    settings = Settings(_env_file=None, allowed_hosts="Users.example, 10.0.0.7, ::1, fd00::7")
    assert settings.allowed_host_names == {"users.example", "10.0.0.7", "::1", "fd00::7"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAIL_URL", "http://mail.house.org"),
        ("MAIL_URL", "smtp://"),
        ("MAIL_URL", "smtp://user@mail.house.org"),
        ("MAIL_URL", "smtp://mail.house.org:99999"),
        ("MAIL_URL", "smtp://mail.house.org?tls=never"),
        ("MAIL_URL", "smtps://mail.house.org?tls=none"),
        ("MAIL_URL", "file://folder"),
        ("MAIL_URL", "smtp://[::1"),
        ("MAIL_URL", "smtp://:topsecret@mail.house.org"),
        ("MAIL_FROM", "nobody"),
        ("MAIL_FROM", "A <a@house.org"),
        ("MAIL_FROM", "a <b@house.org>\r\nBcc: c@house.org"),
        ("MAIL_LANGUAGES", "en,,de"),
        ("MAIL_LANGUAGES", "../x"),
        ("PUBLIC_URL", "users.house.org"),
        ("PUBLIC_URL", "https://users.house.org?x=1"),
        ("RESET_URL", "https://app.house.org/reset"),
        ("UNDO_URL", "javascript:alert({token})"),
        ("EMAIL_VERIFICATION", "maybe"),
    ],
)
def test_wrong_setting_of_mail_stops_the_start(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name}: ") as caught:
        load_settings()
    assert "99999" not in str(caught.value)
    assert "topsecret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("MAIL_REPLY_TO", "x", "not an address. Write users@example.com"),
        ("VERIFY_URL", "https://app.house.org/v", "needs {token} once"),
        ("NOTIFY_NEW_SIGN_IN", "nope", "write true or false."),
        ("PORT", "abc", "write a whole number."),
        ("TRUSTED_CLIENTS", "abc", "write name:secret"),
        ("HSTS", "bogus", "not of the form that it needs. It is: Strict-Transport-Security"),
    ],
)
def test_mistake_says_what_to_write(monkeypatch, name, value, line):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"{name}: {line}")


def test_production_needs_a_sender_and_an_address_for_mail(monkeypatch):
    for name, value in {
        "ENVIRONMENT": "production",
        "MONGODB_URI": "mongodb://a",
        "MAIL_URL": "smtps://user:hidden%40@mail.house.org",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=r"MAIL_FROM: .*\nPUBLIC_URL: ") as caught:
        load_settings()
    assert "hidden" not in str(caught.value)
    monkeypatch.delenv("MAIL_URL")
    assert load_settings().mail_target is None


def test_links_lead_to_a_host_that_is_served(monkeypatch):
    monkeypatch.setenv("PUBLIC_URL", "https://users.house.org/")
    assert load_settings().public_address == "https://users.house.org"
    monkeypatch.setenv("ALLOWED_HOSTS", "api.house.org")
    with pytest.raises(SettingsError, match="PUBLIC_URL: add its host to ALLOWED_HOSTS"):
        load_settings()
    monkeypatch.delenv("PUBLIC_URL")
    monkeypatch.setenv("HOST", "0.0.0.0")
    assert load_settings().public_address == "http://localhost:5000"


def test_sign_in_links_need_a_page(monkeypatch):
    monkeypatch.setenv("SIGN_IN_LINKS", "true")
    with pytest.raises(SettingsError, match="SIGN_IN_LINKS: needs LINK_URL"):
        load_settings()


def test_sign_in_links_need_mail_in_production(monkeypatch):
    monkeypatch.setenv("SIGN_IN_LINKS", "true")
    monkeypatch.setenv("LINK_URL", "https://app.house.org/sign-in#{token}")
    assert load_settings().sign_in_links
    monkeypatch.setenv("ENVIRONMENT", "production")
    with pytest.raises(SettingsError, match="SIGN_IN_LINKS: needs MAIL_URL"):
        load_settings()
