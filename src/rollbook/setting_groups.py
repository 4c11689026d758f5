"""The settings by area: name, type, default and description of each.

`rollbook.settings` joins them. The docstring of a group is its heading in `.env.example`.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr, StringConstraints

from rollbook.mail_settings import MailSettings
from rollbook.running_settings import LogSettings, ServerSettings
from rollbook.setting_types import (
    Audiences,
    BreachService,
    ClaimNames,
    ClientSecrets,
    CorsOrigins,
    HostNames,
    Issuer,
    MongoUri,
    RateLimits,
    RedisUri,
    Secret,
)


class AccessSettings(BaseModel):
    """Access."""

    auth_required: bool = Field(
        True, description="false: EVERY caller may do everything; for a private network only"
    )
    allowed_hosts: HostNames = Field(
        "",
        description="host names that are served; if unset, all, or with AUTH_REQUIRED=false HOST "
        "and loopback",
    )
    cors_origins: CorsOrigins = Field(
        "",
        description="web origins whose pages may call the API: https://app.example.com, or "
        "https://*.example.com for its subdomains; separated by commas",
    )
    caller_cache: bool = Field(
        True,
        description="false: each request reads its session, user and role from MongoDB again",
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


class TokenSettings(BaseModel):
    """Secrets, tokens and sessions."""

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
    jwt_issuer: Issuer = Field(
        "rollbook",
        description="`iss` of access tokens; the public URL of rollbook lets other services find "
        "its keys",
    )
    jwt_audience: Audiences = Field(
        "rollbook", description="`aud` of access tokens; several are separated by commas"
    )
    token_claims: ClaimNames = Field(
        "",
        description="claims about the user in access tokens: name, email, username, first_name, "
        "last_name, external_id, role, permissions, metadata.team, app_metadata.plan; separated "
        "by commas",
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
    refresh_reuse_seconds: int = Field(
        10,
        ge=0,
        le=60,
        description="so long a used refresh token gets the same successor again, for tabs that "
        "refresh at once; 0: never",
    )
    refresh_cookie: bool = Field(
        False,
        description="true: a page of CORS_ORIGINS may keep its refresh token in a cookie that "
        "scripts cannot read",
    )
    session_max_days: int = Field(
        90, ge=1, le=3650, description="the lifetime of a session after its sign-in"
    )


class LimitSettings(BaseModel):
    """Limits."""

    ratelimit_enabled: bool = Field(True, description="false switches all limits off")
    ratelimit_default: RateLimits = Field("30/second", description="requests of an IP address")
    ratelimit_auth: RateLimits = Field(
        "5/minute", description="sign-ins and password changes of an IP address"
    )
    ratelimit_refresh: RateLimits = Field("30/minute", description="refreshes of a session")
    ratelimit_registration: RateLimits = Field(
        "5/minute;30/hour", description="registrations from an IP address"
    )
    ratelimit_account: RateLimits = Field(
        "20/15minutes",
        description="sign-ins to an account from one address; ten times as many from all of them",
    )
    ratelimit_mail: RateLimits = Field("5/hour", description="messages of one kind to one address")
    ratelimit_read: RateLimits = Field("1000/hour", description="reads of a user")
    ratelimit_write: RateLimits = Field("100/hour", description="changes by a user")
    trusted_clients: ClientSecrets | None = Field(
        None,
        description="name:secret of each backend that forwards the address of its caller, "
        "separated by commas",
    )
    redis_url: RedisUri | None = Field(
        None, description="redis://… counts limits for all workers; if unset, see docs/limits.md"
    )


class DatabaseSettings(BaseModel):
    """MongoDB."""

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


class UserSettings(BaseModel):
    """Users."""

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
    metadata_schemas: Path | None = Field(
        None, description="a JSON file with the JSON Schemas of metadata; see docs/metadata.md"
    )
    require_if_match: bool = Field(
        False, description="true: a change without If-Match is refused with 428"
    )
    retention_days: int = Field(
        30, ge=1, le=3650, description="a deleted user can be restored for so long, then is purged"
    )


GROUPS: tuple[type[BaseModel], ...] = (
    ServerSettings,
    AccessSettings,
    TokenSettings,
    LimitSettings,
    DatabaseSettings,
    UserSettings,
    MailSettings,
    LogSettings,
)
"""In the order of `.env.example`."""
