"""The composition root: the services of all features, built from the settings."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from rollbook.account.service import AccountService
from rollbook.account.sign_in_links import SignInLinkService
from rollbook.account_parts import build_account_parts, build_notices
from rollbook.auth.callers import Callers
from rollbook.auth.refresh_cookie import RefreshCookie
from rollbook.auth.service import AuthService
from rollbook.auth.token_claims import TokenClaims
from rollbook.database_parts import build_database, close_at_end
from rollbook.features import FEATURES
from rollbook.first_admin.service import FirstAdmin
from rollbook.idempotency.service import IdempotencyService
from rollbook.invitations.service import InvitationService
from rollbook.kit import clock
from rollbook.kit.clock import Clock
from rollbook.kit.events import Events
from rollbook.kit.key_derivation import derive_key
from rollbook.leases.dao import leases
from rollbook.mail.sender import MailSender
from rollbook.mail.service import MailService
from rollbook.mail_parts import build_mail
from rollbook.metadata.schema_file import MetadataSchemas
from rollbook.passwords.password_policy import PasswordPolicy
from rollbook.permissions.service import PermissionService
from rollbook.retention.service import RetentionService
from rollbook.roles.dao import roles as role_dao
from rollbook.roles.service import RoleService
from rollbook.service_parts import (
    build_access_tokens,
    build_attempts,
    build_first_admin,
    build_keys,
    build_passwords,
    build_refresh_cookie,
    load_metadata_schemas,
    reveal,
)
from rollbook.sessions.service import SessionService
from rollbook.settings import Settings
from rollbook.signing.keys import Keys
from rollbook.signing.service import KeyService
from rollbook.users.changes import ChangeService
from rollbook.users.dao import users
from rollbook.users.deletion import DeletionService
from rollbook.users.owner_proof import OwnerProof
from rollbook.users.registration import RegistrationService
from rollbook.users.service import UserService
from rollbook.web.cursors import Cursors

REFRESH_PURPOSE = "rollbook refresh v1"
IDEMPOTENCY_PURPOSE = "rollbook idempotency v1"


@dataclass(frozen=True)
class Services:
    """`signing` is None with HS256, which has no key ring; `mail_sender` without MAIL_URL."""

    clock: Clock
    length_limits: Mapping[str, int]
    metadata_schemas: MetadataSchemas
    users: UserService
    registration: RegistrationService
    changes: ChangeService
    deletion: DeletionService
    roles: RoleService
    permissions: PermissionService
    sessions: SessionService
    auth: AuthService
    account: AccountService
    sign_in_links: SignInLinkService
    invitations: InvitationService
    mail: MailService
    mail_sender: MailSender | None
    callers: Callers
    refresh_cookie: RefreshCookie
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
    secret_key = reveal(settings.secret_key)
    passwords = build_passwords(settings)
    attempts = build_attempts(settings, secret_key)
    sessions = SessionService(
        clock.now,
        lifetime=timedelta(minutes=settings.refresh_token_expire_minutes),
        max_age=timedelta(settings.session_max_days),
        successor_key=derive_key(secret_key, REFRESH_PURPOSE),
        reuse=timedelta(seconds=settings.refresh_reuse_seconds),
    )
    roles = RoleService(clock.now, users.is_role_used)
    proof = OwnerProof(clock.now, passwords.gate, attempts, sessions)
    metadata, mail = load_metadata_schemas(settings), build_mail(settings)
    notices = build_notices(settings, mail)
    events = Events([*(feature.handlers for feature in FEATURES), notices.handlers])
    registration = RegistrationService(
        clock.now,
        passwords,
        settings.registration,
        settings.verification,
        roles,
        attempts,
        metadata,
        events,
        mail,
    )
    keys, signing = build_keys(settings, secret_key)
    claims = TokenClaims.parse(settings.token_claims, roles.describe_permissions)
    auth = AuthService(
        clock.now,
        passwords.gate,
        attempts,
        sessions,
        build_access_tokens(settings, keys),
        claims,
        events,
        requires_verified=settings.verification == "required",
    )
    parts = build_account_parts(settings, notices, registration, auth)
    latest = clock.get_latest(clock.now, leases.get_database_time)
    earliest = clock.get_earliest(clock.now, leases.get_database_time)
    deletion = DeletionService(clock.now, latest, roles, sessions, proof, events)
    retention_time = timedelta(days=settings.retention_days)
    return Services(
        clock=clock.now,
        length_limits=settings.length_limits,
        metadata_schemas=metadata,
        users=UserService(roles, sessions),
        registration=registration,
        changes=ChangeService(
            clock.now,
            passwords,
            roles,
            sessions,
            proof,
            settings.length_limits,
            metadata,
            events,
            settings.verification,
        ),
        deletion=deletion,
        roles=roles,
        permissions=PermissionService(clock.now, role_dao.is_held),
        sessions=sessions,
        auth=auth,
        account=parts.account,
        sign_in_links=parts.sign_in_links,
        invitations=parts.invitations,
        mail=mail,
        mail_sender=parts.mail_sender,
        callers=Callers(),
        refresh_cookie=build_refresh_cookie(settings, sessions),
        keys=keys,
        signing=signing,
        first_admin=build_first_admin(settings, registration),
        retention=RetentionService(earliest, deletion, retention_time),
        idempotency=IdempotencyService(clock.now, derive_key(secret_key, IDEMPOTENCY_PURPOSE)),
        password_policy=passwords.policy,
        cursors=Cursors(secret_key),
    )


@contextmanager
def open_services(settings: Settings) -> Iterator[Services]:
    """Open the services on a prepared database, for a command. Raises: StartError.

    The key ring stays as it is: a command must not create keys with a secret that the API may not
    have.
    """
    services = build_services(settings)
    database = build_database(settings, services.create_defaults)
    with close_at_end(database):
        database.prepare()
        yield services
