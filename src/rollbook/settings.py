"""Every setting, typed and frozen; read once at start-up and handed to whoever needs it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from dotenv.parser import parse_stream
from pydantic import (
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as SourceError

from rollbook import secret_strength
from rollbook.setting_types import Breaches, Hosts, Limits, MongoUri, Prefix, RedisUri, Secret

ENV_FILE = Path(".env")
SECRETS = Path("/run/secrets")
STRICT_MIN_LENGTH = 15
"""Characters a password needs under the `strict` policy (NIST SP 800-63B-4 §3.1.1.2, single factor)."""

LEAST_ROUNDS_IN_PRODUCTION = 10
HIBP = "https://api.pwnedpasswords.com/range/"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class StartError(Exception):
    """Why rollbook cannot start: a line for each mistake, which says what to do about it."""


class SettingsError(StartError):
    """The settings cannot be used. The lines name them, and never a value."""


class Settings(BaseSettings):
    """From the environment, then `.env`, then files in `/run/secrets`; an empty value means unset."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    environment: Literal["development", "production"] = Field(
        "development", description="`production` demands MONGODB_URI and a real BCRYPT_ROUNDS"
    )
    host: str = Field("127.0.0.1", description="the address to listen on; 0.0.0.0 is every one")
    port: int = Field(5000, ge=1, le=65535, description="the port to listen on")
    workers: int = Field(2, ge=1, le=64, description="processes")
    threads: int = Field(4, ge=1, le=64, description="threads in each process")
    api_prefix: Prefix = Field("/api", description="the path under which the API lives")
    max_body_bytes: int = Field(65536, ge=1024, le=16 * 2**20, description="a larger body is refused with 413")

    mongodb_uri: MongoUri | None = Field(
        None, description="mongodb://… of a replica set; unset, `run.py` starts a private MongoDB"
    )
    mongodb_dbname: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,63}$")] = Field(
        "rollbook", description="the database that holds the users"
    )
    allow_standalone: bool = Field(
        False, description="accept a MongoDB that is no replica set, and go without transactions"
    )
    mongod_bin: Path | None = Field(None, description="the mongod that `run.py` starts; unset, it looks for one")
    data_dir: Path = Field(Path(".data"), description="the private MongoDB of `run.py`, and secrets that were made")

    auth_required: bool = Field(True, description="false: EVERY caller may do everything; for a private network only")
    allowed_hosts: Hosts = Field(
        "", description="host names that are served while AUTH_REQUIRED=false; unset, HOST and this machine's own"
    )
    registration: Literal["open", "closed"] = Field(
        "open", description="open: anyone may create a user of role `user`; closed: who has users:create"
    )
    admin_email: str | None = Field(None, description="with ADMIN_PASSWORD: made an admin at start, when there is none")
    admin_password: SecretStr | None = Field(None, description="the first admin's; change it after the first sign-in")
    secret_key: Secret | None = Field(
        None,
        description="seals the signing keys and more; unset, the first start makes one and keeps it in DATA_DIR",
    )
    jwt_secret_key: Secret | None = Field(None, description="set: HS256 with this key; unset: RS256 from a key ring")
    jwt_algorithm: Literal["HS256", "RS256"] | None = Field(
        None, description="HS256 without JWT_SECRET_KEY makes one; else it must fit what JWT_SECRET_KEY says"
    )
    access_token_expire_minutes: int = Field(15, ge=1, le=1440, description="how long an access token is good")
    refresh_token_expire_minutes: int = Field(
        10080, ge=5, le=525600, description="how long a session lives after its last refresh; 10080 is 7 days"
    )

    session_max_days: int = Field(
        90, ge=1, le=3650, description="how long a session lives after its sign-in, however often it is refreshed"
    )

    require_if_match: bool = Field(
        False, description="true: a change without If-Match is refused with 428, so that none is made blindly"
    )
    retention_days: int = Field(30, ge=1, le=3650, description="how long a deleted user can be restored; then purged")

    ratelimit_enabled: bool = Field(True, description="false turns every limit off")
    ratelimit_default: Limits = Field("30/second", description="requests of an IP address")
    ratelimit_auth: Limits = Field("5/minute", description="sign-ins, refreshes and password changes of an IP address")
    ratelimit_registration: Limits = Field("5/minute;30/hour", description="registrations from an IP address")
    ratelimit_account: Limits = Field(
        "20/15minutes",
        description="sign-ins to an account from an address; ten times that from all, but for those it knows",
    )
    ratelimit_read: Limits = Field("1000/hour", description="reads of a user")
    ratelimit_write: Limits = Field("100/hour", description="changes by a user")
    redis_url: RedisUri | None = Field(None, description="redis://… counts for all workers; unset, see the README")
    trusted_proxies: int = Field(0, ge=0, le=10, description="how many proxies in front write X-Forwarded-For")

    bcrypt_rounds: int = Field(12, ge=4, le=16, description="cost of a password hash; each step doubles it")
    password_policy: Literal["standard", "complex", "strict"] = Field(
        "standard", description="complex: four character classes; strict: NIST SP 800-63B-4, at least 15 characters"
    )
    password_min_length: int = Field(8, ge=8, le=128, description="characters; `strict` asks for 15 at least")
    breached_passwords: Breaches = Field(
        "off", description="hibp: ask Have I Been Pwned for 5 digits of a new password's hash; or the URL of a mirror"
    )
    name_max_length: int = Field(30, ge=1, le=200, description="characters in a user's name")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="how much is logged")
    log_format: Literal["text", "json"] = Field("text", description="one line of text, or one JSON object, an event")
    log_client_address: bool = Field(True, description="false: the access log does not say who called")
    log_file: Path | None = Field(None, description="log to this file too; it may be rotated by renaming")

    @field_validator("environment", "password_policy", "log_format", "registration", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("log_level", "jwt_algorithm", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.jwt_algorithm == "RS256" and self.jwt_secret_key:
            raise ValueError("JWT_ALGORITHM: RS256 signs with the key ring; leave JWT_SECRET_KEY unset")
        if (self.admin_email is None) != (self.admin_password is None):
            raise ValueError("ADMIN_EMAIL and ADMIN_PASSWORD: set both, or neither")
        if self.secret_key is not None and self.secret_key == self.jwt_secret_key:
            raise ValueError(
                "JWT_SECRET_KEY: the same as SECRET_KEY; whoever verifies tokens could open what that seals"
            )
        return self

    @model_validator(mode="after")
    def _fit_for_production(self) -> Self:
        mistakes = []
        if self.mongodb_uri is None:
            mistakes.append("MONGODB_URI: needed when ENVIRONMENT=production")
        if self.bcrypt_rounds < LEAST_ROUNDS_IN_PRODUCTION:
            mistakes.append(f"BCRYPT_ROUNDS: at least {LEAST_ROUNDS_IN_PRODUCTION} when ENVIRONMENT=production")
        if self.admin_password and secret_strength.EXAMPLE.search(self.admin_password.get_secret_value()):
            mistakes.append("ADMIN_PASSWORD: an example; choose another when ENVIRONMENT=production")
        if mistakes and self.environment == "production":
            raise ValueError("\n".join(mistakes))
        return self

    @property
    def signs_with_secret(self) -> bool:
        """HS256, rather than RS256 from the key ring."""
        return self.jwt_secret_key is not None or self.jwt_algorithm == "HS256"

    @property
    def breaches_url(self) -> str | None:
        """Where breached passwords are asked for; None: nowhere."""
        return {"off": None, "hibp": HIBP}.get(self.breached_passwords, self.breached_passwords)

    @property
    def served_hosts(self) -> frozenset[str]:
        """Host names, without ports."""
        named = {host.strip() for host in self.allowed_hosts.split(",")} - {""}
        return frozenset(named or {*LOOPBACK, self.host.lower()})

    @property
    def least_password_length(self) -> int:
        """Characters, with what the policy itself demands."""
        return max(self.password_min_length, STRICT_MIN_LENGTH if self.password_policy == "strict" else 0)

    @property
    def limits(self) -> Mapping[str, int]:
        """The lengths that schemas leave to settings; see `BOUND_KEY` in `rollbook.kit.schemas`."""
        return {"name_max_length": self.name_max_length, "least_password_length": self.least_password_length}


def load() -> Settings:
    """Raises: SettingsError, with one line for each setting that is wrong."""
    try:
        _refuse_unreadable_lines()
        return Settings(_secrets_dir=SECRETS if SECRETS.is_dir() else None)
    except ValidationError as error:
        raise SettingsError("\n".join(_line(fault["loc"], fault["msg"]) for fault in error.errors())) from None
    except (SourceError, UnicodeDecodeError, OSError) as error:
        why = error if isinstance(error, SourceError) else "it cannot be read as UTF-8 text"
        raise SettingsError(f".env or {SECRETS}: {why}") from None


def _refuse_unreadable_lines() -> None:
    """python-dotenv would skip them, and what they were to close would stay open."""
    if not ENV_FILE.is_file():
        return
    with ENV_FILE.open(encoding="utf-8") as file:
        broken = [binding.original.line for binding in parse_stream(file) if binding.error]
    if broken:
        raise SettingsError("\n".join(f".env, line {line}: not NAME=value" for line in broken))


def _line(loc: tuple[int | str, ...], message: str) -> str:
    sentence = message.removeprefix("Value error, ")
    return f"{str(loc[0]).upper()}: {sentence}" if loc else sentence
