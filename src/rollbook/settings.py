"""The settings: typed, frozen, read once at the start and passed to the code that needs them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from rollbook import secret_strength
from rollbook.setting_types import (
    BreachService,
    HostNames,
    MongoUri,
    PathPrefix,
    RateLimits,
    RedisUri,
    Secret,
)

ENV_FILE = Path(".env")
STRICT_MIN_LENGTH = 15
"""Characters that the `strict` policy requires (NIST SP 800-63B-4 §3.1.1.2, single factor)."""
MIN_PRODUCTION_ROUNDS = 10
HAVE_I_BEEN_PWNED = "https://api.pwnedpasswords.com/range/"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class StartError(Exception):
    """rollbook cannot start. The message has a line for each mistake, with what to do about it."""


class SettingsError(StartError):
    """The settings are wrong. The lines name settings, and never a value."""


class Settings(BaseSettings):
    """From the environment, then `.env`, then files in `/run/secrets`. Empty means unset."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    environment: Literal["development", "production"] = Field(
        "development", description="`production` requires MONGODB_URI and a safe BCRYPT_ROUNDS"
    )
    host: str = Field("127.0.0.1", description="the address to listen on; 0.0.0.0 for all")
    port: int = Field(5000, ge=1, le=65535, description="the port to listen on")
    workers: int = Field(2, ge=1, le=64, description="processes")
    threads: int = Field(4, ge=1, le=64, description="threads in each process")
    api_prefix: PathPrefix = Field("/api", description="the path prefix of the API")
    max_body_bytes: int = Field(
        65536, ge=1024, le=16 * 2**20, description="a larger body is refused with 413"
    )

    mongodb_uri: MongoUri | None = Field(
        None,
        description="mongodb://… of a replica set; if unset, `run.py` starts a private MongoDB",
    )
    mongodb_dbname: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,63}$")] = Field(
        "rollbook", description="the name of the database"
    )
    allow_standalone: bool = Field(
        False, description="accept a MongoDB that is no replica set, and do without transactions"
    )
    mongod_bin: Path | None = Field(
        None, description="the mongod that `run.py` starts; if unset, it searches for one"
    )
    data_dir: Path = Field(
        Path(".data"), description="the private MongoDB of `run.py`, and generated secrets"
    )

    auth_required: bool = Field(
        True, description="false: EVERY caller may do everything; for a private network only"
    )
    allowed_hosts: HostNames = Field(
        "",
        description="host names that are served while AUTH_REQUIRED=false; if unset, HOST and "
        "loopback",
    )
    registration: Literal["open", "closed"] = Field(
        "open", description="open: anyone may register; closed: only with users:create"
    )
    admin_email: str | None = Field(
        None, description="with ADMIN_PASSWORD: the first admin, if there is none at the start"
    )
    admin_password: SecretStr | None = Field(
        None, description="of the first admin; change it after the first sign-in"
    )
    secret_key: Secret | None = Field(
        None,
        description="encrypts the signing keys and more; if unset, the first start generates one "
        "in DATA_DIR",
    )
    jwt_secret_key: Secret | None = Field(
        None, description="set: HS256 with this key; unset: RS256 with a key ring"
    )
    jwt_algorithm: Literal["HS256", "RS256"] | None = Field(
        None, description="HS256 without JWT_SECRET_KEY generates one; RS256 excludes it"
    )
    access_token_expire_minutes: int = Field(
        15, ge=1, le=1440, description="the lifetime of an access token"
    )
    refresh_token_expire_minutes: int = Field(
        10080,
        ge=5,
        le=525600,
        description="the lifetime of a session after its last refresh; 10080 is 7 days",
    )
    session_max_days: int = Field(
        90, ge=1, le=3650, description="the lifetime of a session after its sign-in"
    )

    require_if_match: bool = Field(
        False, description="true: a change without If-Match is refused with 428"
    )
    retention_days: int = Field(
        30, ge=1, le=3650, description="a deleted user can be restored for so long, then is purged"
    )

    ratelimit_enabled: bool = Field(True, description="false switches all limits off")
    ratelimit_default: RateLimits = Field("30/second", description="requests of an IP address")
    ratelimit_auth: RateLimits = Field(
        "5/minute", description="sign-ins, refreshes and password changes of an IP address"
    )
    ratelimit_registration: RateLimits = Field(
        "5/minute;30/hour", description="registrations from an IP address"
    )
    ratelimit_account: RateLimits = Field(
        "20/15minutes",
        description="sign-ins to an account from one address; ten times as many from all of them",
    )
    ratelimit_read: RateLimits = Field("1000/hour", description="reads of a user")
    ratelimit_write: RateLimits = Field("100/hour", description="changes by a user")
    redis_url: RedisUri | None = Field(
        None, description="redis://… counts limits for all workers; if unset, see docs/limits.md"
    )
    trusted_proxies: int = Field(
        0, ge=0, le=10, description="the number of proxies in front that write X-Forwarded-For"
    )

    bcrypt_rounds: int = Field(
        12, ge=4, le=16, description="the cost of a password hash; each step doubles it"
    )
    password_policy: Literal["basic", "standard", "complex", "strict"] = Field(
        "standard",
        description="basic: length only; complex: four character classes; strict: NIST SP "
        "800-63B-4, at least 15 characters",
    )
    password_min_length: int = Field(
        8, ge=8, le=128, description="characters; `strict` requires at least 15"
    )
    breached_passwords: BreachService = Field(
        "off",
        description="hibp: ask Have I Been Pwned, with 5 digits of a hash; or the URL of a mirror",
    )
    name_max_length: int = Field(30, ge=1, le=200, description="characters in a user's name")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="the minimum level of the log"
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="one line of text, or one JSON object, for each event"
    )
    log_client_address: bool = Field(True, description="false: the log has no client addresses")
    log_file: Path | None = Field(
        None, description="log to this file too; it may be rotated by renaming"
    )

    @field_validator("environment", "password_policy", "log_format", "registration", mode="before")
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
    def allowed_host_names(self) -> frozenset[str]:
        """Host names, without ports."""
        hosts = {host.strip() for host in self.allowed_hosts.split(",")} - {""}
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
