"""The settings: typed, frozen, read once at the start and passed to the code that needs them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from rollbook import secret_strength
from rollbook.mail_settings import MailSettings
from rollbook.mail_url import MailFolder, MailTarget, parse_mail_url
from rollbook.running_settings import LogSettings, ServerSettings
from rollbook.setting_groups import (
    AccessSettings,
    DatabaseSettings,
    LimitSettings,
    TokenSettings,
    UserSettings,
)

ENV_FILE = Path(".env")
STRICT_MIN_LENGTH = 15
"""Characters that the `strict` policy requires (NIST SP 800-63B-4 §3.1.1.2, single factor)."""
MIN_PRODUCTION_ROUNDS = 10
HAVE_I_BEEN_PWNED = "https://api.pwnedpasswords.com/range/"
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - compared, not listened on
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class StartError(Exception):
    """rollbook cannot start. The message has a line for each mistake, with what to do about it."""


class SettingsError(StartError):
    """The settings are wrong. The lines name settings, and never a value."""


class Settings(
    LogSettings,
    MailSettings,
    UserSettings,
    DatabaseSettings,
    LimitSettings,
    TokenSettings,
    AccessSettings,
    ServerSettings,
    BaseSettings,
):
    """From the environment, then `.env`, then files in `/run/secrets`. Empty means unset."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    @field_validator(
        *("environment", "password_policy", "log_format", "registration", "email_verification"),
        mode="before",
    )
    @classmethod
    def _to_lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("log_level", "jwt_algorithm", mode="before")
    @classmethod
    def _to_upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        if self.jwt_algorithm == "RS256" and self.jwt_secret_key:
            raise ValueError("JWT_ALGORITHM: RS256 signs with the key ring. Unset JWT_SECRET_KEY.")
        if (self.admin_email is None) != (self.admin_password is None):
            raise ValueError("ADMIN_EMAIL and ADMIN_PASSWORD: set both, or neither.")
        if self.refresh_cookie and not self.cors_origins:
            raise ValueError("REFRESH_COOKIE: needs CORS_ORIGINS, whose pages may use the cookie.")
        if self.sign_in_links and not (self.link_url or self.refresh_cookie):
            raise ValueError(
                "SIGN_IN_LINKS: needs LINK_URL, the page of your app that exchanges the token, or "
                "REFRESH_COOKIE, with which the page of rollbook signs in."
            )
        hosts, public_host = self.allowed_host_names, urlsplit(self.public_url or "").hostname
        if hosts is not None and public_host and public_host not in hosts:
            raise ValueError("PUBLIC_URL: add its host to ALLOWED_HOSTS, since links lead there.")
        if self.secret_key is not None and self.secret_key == self.jwt_secret_key:
            raise ValueError(
                "JWT_SECRET_KEY: the same as SECRET_KEY, so that a service that verifies tokens "
                "could decrypt the database. Set another one."
            )
        return self

    @model_validator(mode="after")
    def _check_production(self) -> Self:
        mistakes = []
        if self.mongodb_uri is None:
            mistakes.append("MONGODB_URI: required when ENVIRONMENT=production.")
        if self.bcrypt_rounds < MIN_PRODUCTION_ROUNDS:
            mistakes.append(
                f"BCRYPT_ROUNDS: at least {MIN_PRODUCTION_ROUNDS} when ENVIRONMENT=production."
            )
        if self.admin_password and secret_strength.EXAMPLE_PATTERN.search(
            self.admin_password.get_secret_value()
        ):
            mistakes.append(
                "ADMIN_PASSWORD: an example. Choose another one when ENVIRONMENT=production."
            )
        needed = {"MAIL_FROM": self.mail_from, "PUBLIC_URL": self.public_url}
        missing = [name for name in needed if needed[name] is None and self.mail_url is not None]
        mistakes += [f"{n}: required with MAIL_URL when ENVIRONMENT=production." for n in missing]
        if self.email_verification == "required" and self.mail_url is None:
            mistakes.append("EMAIL_VERIFICATION: `required` needs MAIL_URL, which sends the links.")
        if self.sign_in_links and self.mail_url is None:
            mistakes.append("SIGN_IN_LINKS: needs MAIL_URL, which sends the links.")
        if mistakes and self.environment == "production":
            raise ValueError("\n".join(mistakes))
        return self

    @property
    def uses_shared_secret(self) -> bool:
        """HS256, instead of RS256 with the key ring."""
        return self.jwt_secret_key is not None or self.jwt_algorithm == "HS256"

    @property
    def breached_passwords_url(self) -> str | None:
        """The range API for breached passwords. None switches the check off."""
        return {"off": None, "hibp": HAVE_I_BEEN_PWNED}.get(
            self.breached_passwords, self.breached_passwords
        )

    @property
    def mail_target(self) -> MailTarget | None:
        """Where mail goes. None when there is none."""
        if self.mail_url is not None:
            return parse_mail_url(self.mail_url.get_secret_value())
        if self.environment == "development":
            return MailFolder(self.data_dir.resolve() / "mail")
        return None

    @property
    def verification(self) -> Literal["off", "optional", "required"]:
        """EMAIL_VERIFICATION, or off without mail."""
        return self.email_verification if self.mail_target else "off"

    @property
    def public_address(self) -> str:
        """The URL that links in messages begin with, without a slash at the end.

        It never comes from a request, whose Host header the sender chooses.
        """
        host = "localhost" if self.host in WILDCARDS else self.host
        host = f"[{host}]" if ":" in host else host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def app_url(self) -> str | None:
        """The first of CORS_ORIGINS, which is a page of the app. None for a pattern."""
        first = self.cors_origins.partition(",")[0].strip()
        return first if first and "*" not in first else None

    @property
    def allowed_host_names(self) -> frozenset[str] | None:
        """Host names, without ports. None for all."""
        hosts = {host.strip() for host in self.allowed_hosts.split(",")} - {""}
        if not hosts and self.auth_required:
            return None
        return frozenset(hosts or {*LOOPBACK, self.host.lower()})

    @property
    def min_password_length(self) -> int:
        """In characters, including what the policy requires."""
        required = STRICT_MIN_LENGTH if self.password_policy == "strict" else 0
        return max(self.password_min_length, required)

    @property
    def length_limits(self) -> Mapping[str, int]:
        """The lengths that schemas leave to the settings; see `rollbook.kit.field_types`."""
        names = ("name_max_length", "min_password_length")
        return {name: getattr(self, name) for name in names}
