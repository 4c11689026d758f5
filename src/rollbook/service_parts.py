"""The parts that several services share, built from the settings."""

import os
from datetime import timedelta

from limits.storage import RedisStorage, Storage
from pydantic import SecretStr

from rollbook.auth.access_tokens import AccessTokens
from rollbook.auth.refresh_cookie import RefreshCookie
from rollbook.cors.origins import AllowedOrigins
from rollbook.first_admin.service import FirstAdmin, FirstAdminRefused
from rollbook.kit import clock
from rollbook.kit.key_derivation import derive_key
from rollbook.limits.dao import CounterDAO
from rollbook.limits.hooks import add_limit_status, build_redis_options
from rollbook.limits.service import AttemptLimiter
from rollbook.metadata.schema_file import MetadataSchemas, SchemaFileError, load
from rollbook.passwords.breached_passwords import BreachedPasswords
from rollbook.passwords.hash_gate import LINE_LENGTH, HashGate
from rollbook.passwords.password_policy import PasswordPolicy
from rollbook.passwords.service import PasswordService
from rollbook.sessions.service import SessionService
from rollbook.settings import Settings, SettingsError
from rollbook.signing.keys import KeyRing, Keys, SharedSecret
from rollbook.signing.sealing import Seal
from rollbook.signing.service import KeyService
from rollbook.users.registration import RegistrationService

ATTEMPTS_PURPOSE = "rollbook attempts v1"


def build_passwords(settings: Settings) -> PasswordService:
    breached = BreachedPasswords(settings.breached_passwords_url)
    policy = PasswordPolicy(
        settings.password_policy,
        settings.min_password_length,
        checks_breaches=breached.url is not None,
    )
    half = settings.threads // 2  # The other threads stay free for requests without a hash.
    at_once = max(1, min(count_cores() // settings.workers, half))
    gate = HashGate(
        settings.bcrypt_rounds, at_once=at_once, turns=max(1, half), line_length=LINE_LENGTH
    )
    return PasswordService(gate, policy, breached)


def build_attempts(settings: Settings, secret_key: str) -> AttemptLimiter:
    return AttemptLimiter(
        build_limit_store(settings),
        per_address=settings.ratelimit_auth,
        per_account=settings.ratelimit_account,
        per_registration=settings.ratelimit_registration,
        per_session=settings.ratelimit_refresh,
        per_recipient=settings.ratelimit_mail,
        key=derive_key(secret_key, ATTEMPTS_PURPOSE),
        on_status=add_limit_status,
    )


def build_refresh_cookie(settings: Settings, sessions: SessionService) -> RefreshCookie:
    origins = AllowedOrigins.parse(settings.cors_origins)
    lifetime = min(sessions.lifetime, sessions.max_age)
    return RefreshCookie(settings.refresh_cookie, origins, f"{settings.api_prefix}/auth", lifetime)


def build_first_admin(settings: Settings, registration: RegistrationService) -> FirstAdmin:
    email, password = settings.admin_email, settings.admin_password
    try:
        return FirstAdmin.from_settings(email, password, registration, settings.length_limits)
    except FirstAdminRefused as error:
        raise SettingsError(str(error)) from None


def build_keys(settings: Settings, secret_key: str) -> tuple[Keys, KeyService | None]:
    if settings.uses_shared_secret:
        return SharedSecret(reveal(settings.jwt_secret_key)), None
    seal = Seal(secret_key)
    ring = KeyRing(clock.now, seal, timedelta(minutes=settings.access_token_expire_minutes))
    return ring, KeyService(clock.now, seal, ring)


def build_access_tokens(settings: Settings, keys: Keys) -> AccessTokens:
    lifetime = timedelta(minutes=settings.access_token_expire_minutes)
    audiences = tuple(filter(None, map(str.strip, settings.jwt_audience.split(","))))
    return AccessTokens(clock.now, keys, lifetime, settings.jwt_issuer, audiences)


def build_limit_store(settings: Settings) -> Storage | None:
    """Build the store that counts attempts for all workers. None when limits are off."""
    if not settings.ratelimit_enabled:
        return None
    if settings.redis_url is None:
        return CounterDAO()
    url = settings.redis_url.get_secret_value()
    return RedisStorage(url, **build_redis_options())


def count_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def reveal(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def load_metadata_schemas(settings: Settings) -> MetadataSchemas:
    """Load the schemas. Raises: SettingsError."""
    try:
        return load(settings.metadata_schemas)
    except SchemaFileError as error:
        raise SettingsError(f"METADATA_SCHEMAS: {error}") from None
