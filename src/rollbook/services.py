"""What the rooms can do, put together: for the API, and for commands."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from limits.storage import RedisStorage, Storage
from pydantic import SecretStr

from rollbook.audit.documents import AuditEntry
from rollbook.auth.access_tokens import AccessTokens
from rollbook.auth.service import AuthService
from rollbook.idempotency.documents import KeptRequest
from rollbook.idempotency.service import RepeatService
from rollbook.kit import clock
from rollbook.kit.cursors import Cursors
from rollbook.kit.database import Database
from rollbook.kit.errors import NotReady
from rollbook.kit.passwords import PasswordHasher
from rollbook.kit.secrets import derive
from rollbook.kit.transactions import reaching
from rollbook.leases.dao import leases
from rollbook.leases.documents import Lease
from rollbook.limits.dao import CounterDAO
from rollbook.limits.documents import LimitCounter
from rollbook.limits.everyday import STORE_OPTIONS, tell
from rollbook.limits.service import Attempts
from rollbook.locks.documents import LockShard
from rollbook.migrations.documents import AppliedMigration
from rollbook.migrations.service import Migrations
from rollbook.roles.documents import Role
from rollbook.roles.service import RoleService
from rollbook.sessions.documents import Session
from rollbook.sessions.service import SessionService
from rollbook.settings import Settings, SettingsError, StartError
from rollbook.signing.documents import SigningKey
from rollbook.signing.ring import KeyRing, Keys, SharedSecret
from rollbook.signing.sealing import Seal
from rollbook.signing.service import KeyService
from rollbook.users.breached_passwords import BreachedPasswords
from rollbook.users.dao import users
from rollbook.users.deletion import DeletionService
from rollbook.users.documents import User, UserTally
from rollbook.users.fields import LONGEST_PASSWORD
from rollbook.users.first_admin import FirstAdmin, FirstAdminRefused
from rollbook.users.password_policy import PasswordPolicy
from rollbook.users.proof import OwnerProof
from rollbook.users.retention import Retention
from rollbook.users.service import UserService

DOCUMENTS = (
    User,
    UserTally,
    Role,
    Session,
    SigningKey,
    LimitCounter,
    KeptRequest,
    Lease,
    LockShard,
    AppliedMigration,
    AuditEntry,
)
ATTEMPTS = "rollbook attempts v1"
REPEATS = "rollbook idempotency v1"


@dataclass(frozen=True)
class Services:
    """`signing` is None with HS256, which has no key ring."""

    users: UserService
    deletion: DeletionService
    roles: RoleService
    sessions: SessionService
    auth: AuthService
    keys: Keys
    signing: KeyService | None
    first_admin: FirstAdmin
    retention: Retention
    repeats: RepeatService
    cursors: Cursors

    def require_keys(self) -> None:
        """Raises: NotReady, when the signing keys cannot be opened."""
        if self.signing:
            self.signing.ensure()

    def store_basics(self) -> None:
        """What there has to be even for a command."""
        self.retention.ensure_tallies()
        self.roles.seed()

    def prepare(self) -> None:
        """Store what has to be there before anything is served. Raises: NotReady."""
        self.store_basics()
        self.require_keys()
        self.first_admin.ensure()


def services_of(settings: Settings) -> Services:
    """From settings that lack no secret. Raises: SettingsError, for a first admin who could not sign in."""
    secret_key = _value(settings.secret_key)
    half = settings.threads // 2  # The others stay free for what needs no hash.
    at_once = max(1, min(_cores() // settings.workers, half))
    waiting = max(0, half - at_once)
    hasher = PasswordHasher(settings.bcrypt_rounds, at_once=at_once, waiting=waiting)
    attempts = Attempts(
        _shared_store(settings),
        per_address=settings.ratelimit_auth,
        per_account=settings.ratelimit_account,
        per_registration=settings.ratelimit_registration,
        key=derive(secret_key, ATTEMPTS),
        told=tell,
    )
    lifetime, max_age = timedelta(minutes=settings.refresh_token_expire_minutes), timedelta(settings.session_max_days)
    sessions = SessionService(clock.now, lifetime, max_age)
    roles = RoleService(clock.now, users.has_role)
    breached = BreachedPasswords(settings.breaches_url)
    policy = PasswordPolicy(
        settings.password_policy, settings.least_password_length, LONGEST_PASSWORD, breached.url is not None
    )
    proof = OwnerProof(clock.now, hasher, attempts, sessions)
    accounts = UserService(clock.now, hasher, policy, settings.registration, roles, sessions, attempts, proof, breached)
    keys, signing = _keys(settings, secret_key)
    tokens = AccessTokens(clock.now, keys, timedelta(minutes=settings.access_token_expire_minutes))
    auth = AuthService(clock.now, hasher, attempts, sessions, tokens)
    try:
        first_admin = FirstAdmin.of(settings.admin_email, settings.admin_password, accounts, settings.limits)
    except FirstAdminRefused as error:
        raise SettingsError(str(error)) from None
    deletion = DeletionService(leases.now, roles, sessions, proof)
    retention = Retention(leases.now, deletion, timedelta(days=settings.retention_days))
    repeats = RepeatService(clock.now, derive(secret_key, REPEATS))
    return Services(
        accounts, deletion, roles, sessions, auth, keys, signing, first_admin, retention, repeats, Cursors(secret_key)
    )


def database_of(settings: Settings, *preparations: Callable[[], None]) -> Database:
    """Not connected yet; without MONGODB_URI it cannot be."""
    return Database(
        _value(settings.mongodb_uri),
        settings.mongodb_dbname,
        migrations_of(settings),
        allow_standalone=settings.allow_standalone,
        preparations=preparations,
    )


def migrations_of(settings: Settings) -> Migrations:
    return Migrations(clock.now, DOCUMENTS, at_start=settings.environment == "development")


@contextmanager
def migrating(settings: Settings) -> Iterator[Migrations]:
    """For a command: on a database that is connected, whatever it holds. Raises: StartError."""
    database = database_of(settings)
    with _closing(database):
        database.reach()
        with reaching():
            yield migrations_of(settings)


@contextmanager
def opened(settings: Settings) -> Iterator[Services]:
    """For a command: on a database that is connected, and closed in the end. Raises: StartError.

    The key ring is left as it is: a command must not make keys with a secret that the API may not have.
    """
    services = services_of(settings)
    database = database_of(settings, services.store_basics)
    with _closing(database):
        database.prepare()
        yield services


@contextmanager
def _closing(database: Database) -> Iterator[None]:
    """Raises: StartError."""
    try:
        yield
    except NotReady as error:
        raise StartError("\n".join(detail.message for detail in error.details)) from None
    finally:
        database.close()


def _keys(settings: Settings, secret_key: str) -> tuple[Keys, KeyService | None]:
    if settings.signs_with_secret:
        return SharedSecret(_value(settings.jwt_secret_key)), None
    seal = Seal(secret_key)
    ring = KeyRing(clock.now, seal, timedelta(minutes=settings.access_token_expire_minutes))
    return ring, KeyService(clock.now, seal, ring)


def _shared_store(settings: Settings) -> Storage | None:
    """Where attempts are counted for all workers; nowhere, when limits are off."""
    if not settings.ratelimit_enabled:
        return None
    if settings.redis_url is None:
        return CounterDAO()
    return RedisStorage(settings.redis_url.get_secret_value(), wrap_exceptions=True, **STORE_OPTIONS)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _value(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
