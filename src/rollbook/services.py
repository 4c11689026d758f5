"""The composition root: the services of all features, built from the settings."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from limits.storage import RedisStorage, Storage
from pydantic import SecretStr

from rollbook.auth.access_tokens import AccessTokens
from rollbook.auth.service import AuthService
from rollbook.features import FEATURES
from rollbook.first_admin.service import FirstAdmin, FirstAdminRefused
from rollbook.idempotency.service import IdempotencyService
from rollbook.kit import clock
from rollbook.kit.clock import Clock
from rollbook.kit.errors import NotReady
from rollbook.kit.events import Events
from rollbook.kit.key_derivation import derive_key
from rollbook.leases.dao import leases
from rollbook.limits.dao import CounterDAO
from rollbook.limits.hooks import STORE_OPTIONS, add_limit_status
from rollbook.limits.service import AttemptLimiter
from rollbook.migrations.service import MigrationService
from rollbook.passwords.breached_passwords import BreachedPasswords
from rollbook.passwords.hash_gate import HashGate
from rollbook.passwords.password_policy import PasswordPolicy
from rollbook.passwords.service import PasswordService
from rollbook.retention.service import RetentionService
from rollbook.roles.service import RoleService
from rollbook.sessions.service import SessionService
from rollbook.settings import Settings, SettingsError, StartError
from rollbook.signing.keys import KeyRing, Keys, SharedSecret
from rollbook.signing.sealing import Seal
from rollbook.signing.service import KeyService
from rollbook.storage.database import Database
from rollbook.storage.driver_errors import translate_driver_errors
from rollbook.users.changes import ChangeService
from rollbook.users.dao import users
from rollbook.users.deletion import DeletionService
from rollbook.users.owner_proof import OwnerProof
from rollbook.users.registration import RegistrationService
from rollbook.users.service import UserService
from rollbook.web.cursors import Cursors

DOCUMENTS = tuple(document for feature in FEATURES for document in feature.documents)
ATTEMPTS_PURPOSE = "rollbook attempts v1"
REFRESH_PURPOSE = "rollbook refresh v1"
IDEMPOTENCY_PURPOSE = "rollbook idempotency v1"


@dataclass(frozen=True)
class Services:
    """`signing` is None with HS256, which has no key ring."""

    clock: Clock
    length_limits: Mapping[str, int]
    users: UserService
    registration: RegistrationService
    changes: ChangeService
    deletion: DeletionService
    roles: RoleService
    sessions: SessionService
    auth: AuthService
    keys: Keys
    signing: KeyService | None
    first_admin: FirstAdmin
    retention: RetentionService
    idempotency: IdempotencyService
    password_policy: PasswordPolicy
    cursors: Cursors

    def require_keys(self) -> None:
        """Require usable signing keys. Raises: NotReady, when they cannot be decrypted."""
        if self.signing:
            self.signing.ensure_keys()

    def create_defaults(self) -> None:
        """Store what every command needs: the tallies and the built-in roles."""
        self.retention.ensure_tallies()
        self.roles.create_built_in_roles()

    def prepare(self) -> None:
        """Store what has to exist before requests are served. Raises: NotReady."""
        self.create_defaults()
        self.require_keys()
        self.first_admin.ensure()


def build_services(settings: Settings) -> Services:
    """Build the services. `settings` must have all secrets.

    Raises: SettingsError, for a refused first admin.
    """
    secret_key = _reveal(settings.secret_key)
    passwords = _build_passwords(settings)
    attempts = _build_attempts(settings, secret_key)
    sessions = SessionService(
        clock.now,
        lifetime=timedelta(minutes=settings.refresh_token_expire_minutes),
        max_age=timedelta(settings.session_max_days),
        successor_key=derive_key(secret_key, REFRESH_PURPOSE),
        reuse=timedelta(seconds=settings.refresh_reuse_seconds),
    )
    roles = RoleService(clock.now, users.is_role_used)
    proof = OwnerProof(clock.now, passwords.gate, attempts, sessions)
    registration = RegistrationService(clock.now, passwords, settings.registration, roles, attempts)
    keys, signing = _build_keys(settings, secret_key)
    token_lifetime = timedelta(minutes=settings.access_token_expire_minutes)
    tokens = AccessTokens(clock.now, keys, token_lifetime)
    events = Events(feature.handlers for feature in FEATURES)
    deletion = DeletionService(leases.get_database_time, roles, sessions, proof, events)
    retention_time = timedelta(days=settings.retention_days)
    return Services(
        clock=clock.now,
        length_limits=settings.length_limits,
        users=UserService(roles, sessions),
        registration=registration,
        changes=ChangeService(clock.now, passwords, roles, sessions, proof),
        deletion=deletion,
        roles=roles,
        sessions=sessions,
        auth=AuthService(clock.now, passwords.gate, attempts, sessions, tokens),
        keys=keys,
        signing=signing,
        first_admin=_build_first_admin(settings, registration),
        retention=RetentionService(leases.get_database_time, deletion, retention_time),
        idempotency=IdempotencyService(clock.now, derive_key(secret_key, IDEMPOTENCY_PURPOSE)),
        password_policy=passwords.policy,
        cursors=Cursors(secret_key),
    )


def build_database(settings: Settings, *preparations: Callable[[], None]) -> Database:
    """Build the database, without connecting to it. It needs MONGODB_URI."""
    return Database(
        _reveal(settings.mongodb_uri),
        settings.mongodb_dbname,
        build_migrations(settings),
        allow_standalone=settings.allow_standalone,
        preparations=preparations,
    )


def build_migrations(settings: Settings) -> MigrationService:
    at_start = settings.environment == "development"
    return MigrationService(clock.now, DOCUMENTS, at_start=at_start)


@contextmanager
def open_migrations(settings: Settings) -> Iterator[MigrationService]:
    """Connect to the database in any state, for a command. Raises: StartError."""
    database = build_database(settings)
    with _close_at_end(database):
        database.connect_to_primary()
        with translate_driver_errors():
            yield build_migrations(settings)


@contextmanager
def open_services(settings: Settings) -> Iterator[Services]:
    """Open the services on a prepared database, for a command. Raises: StartError.

    The key ring stays as it is: a command must not create keys with a secret that the API may not
    have.
    """
    services = build_services(settings)
    database = build_database(settings, services.create_defaults)
    with _close_at_end(database):
        database.prepare()
        yield services


@contextmanager
def _close_at_end(database: Database) -> Iterator[None]:
    """Close the database at the end. Raises: StartError."""
    try:
        yield
    except NotReady as error:
        raise StartError("\n".join(detail.message for detail in error.details)) from None
    finally:
        database.close()


def _build_passwords(settings: Settings) -> PasswordService:
    breached = BreachedPasswords(settings.breached_passwords_url)
    policy = PasswordPolicy(
        settings.password_policy,
        settings.min_password_length,
        checks_breaches=breached.url is not None,
    )
    half = settings.threads // 2  # The other threads stay free for requests without a hash.
    at_once = max(1, min(_count_cores() // settings.workers, half))
    gate = HashGate(settings.bcrypt_rounds, at_once=at_once, waiting=max(0, half - at_once))
    return PasswordService(gate, policy, breached)


def _build_attempts(settings: Settings, secret_key: str) -> AttemptLimiter:
    return AttemptLimiter(
        _build_limit_store(settings),
        per_address=settings.ratelimit_auth,
        per_account=settings.ratelimit_account,
        per_registration=settings.ratelimit_registration,
        per_session=settings.ratelimit_refresh,
        key=derive_key(secret_key, ATTEMPTS_PURPOSE),
        on_status=add_limit_status,
    )


def _build_first_admin(settings: Settings, registration: RegistrationService) -> FirstAdmin:
    email, password = settings.admin_email, settings.admin_password
    try:
        return FirstAdmin.from_settings(email, password, registration, settings.length_limits)
    except FirstAdminRefused as error:
        raise SettingsError(str(error)) from None


def _build_keys(settings: Settings, secret_key: str) -> tuple[Keys, KeyService | None]:
    if settings.uses_shared_secret:
        return SharedSecret(_reveal(settings.jwt_secret_key)), None
    seal = Seal(secret_key)
    ring = KeyRing(clock.now, seal, timedelta(minutes=settings.access_token_expire_minutes))
    return ring, KeyService(clock.now, seal, ring)


def _build_limit_store(settings: Settings) -> Storage | None:
    """Build the store that counts attempts for all workers. None when limits are off."""
    if not settings.ratelimit_enabled:
        return None
    if settings.redis_url is None:
        return CounterDAO()
    url = settings.redis_url.get_secret_value()
    return RedisStorage(url, wrap_exceptions=True, **STORE_OPTIONS)


def _count_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _reveal(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
