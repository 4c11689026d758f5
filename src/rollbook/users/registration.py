"""Create users, and let people register.

With EMAIL_VERIFICATION=required, a registration waits until its link is used. The request does the
same whether the address has an account or not; the sender then writes to the owner.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bson import ObjectId

from rollbook.access.principal import ActorKind, Principal
from rollbook.audit.service import Target, append_entry
from rollbook.kit.clock import Clock
from rollbook.kit.errors import AppError, Conflict
from rollbook.kit.events import Events
from rollbook.limits.limit_status import remember_address
from rollbook.limits.service import AttemptLimiter
from rollbook.mail.dao import outbox
from rollbook.mail.service import MailService
from rollbook.metadata.schema_file import MetadataSchemas
from rollbook.metadata.values import KINDS, merge_metadata
from rollbook.one_time_tokens.dao import one_time_tokens
from rollbook.passwords.service import PasswordService
from rollbook.registrations.dao import pending_registrations
from rollbook.registrations.documents import PendingRegistration
from rollbook.roles.built_in import ADMIN, USER
from rollbook.roles.policy import require_grantable
from rollbook.roles.service import RoleService
from rollbook.storage.transactions import transactional
from rollbook.users import policy, references, stored_fields
from rollbook.users.authorization import audit_user_change
from rollbook.users.dao import users
from rollbook.users.documents import User
from rollbook.users.errors import EmailLookalike, EmailTaken, RegistrationClosed, UsernameTaken
from rollbook.users.events import UserCreated
from rollbook.users.known_devices import remember_device
from rollbook.users.registration_policy import (
    is_registration,
    require_plain,
    require_registration_open,
)
from rollbook.users.schemas import UserCreate

REGISTRATION, ADDRESS_TAKEN = "registration", "address_taken"
"""Kinds of messages: the link of a registration, or that the address has an account."""
KEPT = timedelta(days=2)
"""How long a registration is kept whose message is not sent yet."""


@dataclass(frozen=True)
class RegistrationService:
    clock: Clock
    passwords: PasswordService
    registration: policy.Registration
    verification: policy.Verification
    roles: RoleService
    attempts: AttemptLimiter
    metadata: MetadataSchemas
    events: Events
    mail: MailService

    def register(self, new: UserCreate, *, actor: Principal) -> User | None:
        """Create a user. None for a registration that waits for its link.

        Raises: as `create_user`; RegistrationClosed, NoAdminYet, TooManyRequests, EmailLookalike.
        """
        if not is_registration(actor):
            return self.create_user(new, actor=actor)
        self.attempts.count_registration(actor.origin)
        has_admin = users.has_active_user(ADMIN)
        try:
            require_registration_open(self.registration, has_admin=has_admin)
            if self.verification == "required":
                require_plain(new.model_dump())
                self._request(self.build_fields(new, actor), actor=actor)
                return None
            refuse_lookalike(new.email)
            return self.create_user(new, actor=actor)
        except (RegistrationClosed, Conflict) as refusal:
            self._audit_refusal(refusal, actor)
            raise

    def create_user(self, new: UserCreate, *, actor: Principal) -> User:
        """Create a user.

        Raises: Forbidden, UnknownRole, PasswordRefused, TooBusy, EmailTaken, UsernameTaken.
        """
        return self._insert(self.build_fields(new, actor), actor=actor)

    def complete(self, pending: PendingRegistration, *, actor: Principal) -> User:
        """Create the user of a registration, with a verified address.

        A username that was taken meanwhile is left out. The address and the device are those of the
        link: somebody else may have registered. Call it inside a transaction.

        Raises: RegistrationClosed, EmailTaken, EmailLookalike; UsernameTaken at this very instant.
        """
        require_registration_open(self.registration, has_admin=True)
        email = pending.fields["email"]
        require_free_address(pending.email_key)
        refuse_lookalike(email)
        fields = {
            **pending.fields,
            "pk": pending.pk,
            "email_verified": True,
            "known_addresses": remember_address([], actor.origin.ip),
            "known_devices": remember_device([], actor.origin.user_agent),
        }
        if fields.get("username_key") and users.find("username_key", fields["username_key"]):
            fields |= {"username": None, "username_key": None}
        return self.insert(fields, actor=actor)

    @transactional()
    def _request(self, fields: dict[str, Any], *, actor: Principal) -> None:
        """Store a registration. Its time must not depend on the owner of the address."""
        if fields.get("username_key") and users.find("username_key", fields["username_key"]):
            raise UsernameTaken()
        now, key, email = self.clock(), fields["email_key"], fields["email"]
        pending = pending_registrations.insert(
            PendingRegistration(email_key=key, fields=fields, created_at=now, expires_at=now + KEPT)
        )
        self.mail.enqueue(REGISTRATION, user_id=pending.pk, email=email, actor=actor)
        action, target = "user.registration_requested", Target("user", str(pending.pk))
        append_entry(action, target, actor=actor, at=now, changes={})

    def build_fields(self, new: UserCreate, actor: Principal) -> dict[str, Any]:
        """Build what is stored of a new user. It hashes the password, so it takes a while.

        Raises: Forbidden, UsernameReserved, PasswordRefused, TooBusy.
        """
        sent = new.model_dump()
        password = new.password.get_secret_value()
        is_anonymous = actor.kind is ActorKind.ANONYMOUS
        policy.require_may_create(actor, sent)
        policy.require_username_allowed(actor, new.username, own=False)
        self.passwords.check_policy(password, [sent[name] for name in policy.IDENTIFYING_FIELDS])
        self.passwords.check_not_breached(password)
        with self.passwords.gate.enter(yields_last_place=is_anonymous) as hasher:
            fields: dict[str, Any] = {"password_hash": hasher.hash(password)}
        if is_anonymous:
            fields["known_addresses"] = remember_address([], actor.origin.ip)
            fields["known_devices"] = remember_device([], actor.origin.user_agent)
        fields |= {kind: merge_metadata(kind, {}, sent[kind]) for kind in KINDS}
        for kind in KINDS:
            if fields[kind]:
                self.metadata.check(kind, fields[kind])
        if sent["id"]:
            fields["pk"] = ObjectId(sent["id"])
        return stored_fields.build_stored_fields(sent) | fields

    @transactional()
    def _insert(self, fields: dict[str, Any], *, actor: Principal) -> User:
        if fields["role"] != USER:
            require_grantable(actor, self.roles.lock_role(fields["role"]))
        return self.insert(fields, actor=actor, is_imported="pk" in fields)

    def insert(
        self,
        fields: Mapping[str, Any],
        *,
        actor: Principal,
        changes: Mapping[str, Any] | None = None,
        is_imported: bool = False,
    ) -> User:
        """Insert a user, whose role somebody has granted. The audit entry has `changes` too.

        Call it inside a transaction. Raises: EmailTaken, UsernameTaken.
        """
        now = self.clock()
        fields = {
            **fields,
            **stored_fields.build_search_fields(None, fields),
            **stored_fields.build_verification(fields, now),
        }
        user = users.insert(User(**fields, created_at=now, updated_at=now))
        described = {**policy.describe_changes(None, user), **(changes or {})}
        audit_user_change("user.created", user, described, actor, now)
        self.events.publish(UserCreated(user, actor, is_imported=is_imported))
        return user

    def _audit_refusal(self, refusal: AppError, actor: Principal) -> None:
        """Audit a refusal.

        It may reveal whether an address is taken, so the audit log has the caller.
        """
        changes = {"reason": {"before": None, "after": refusal.code}}
        target, now = Target("user", None), self.clock()
        append_entry("user.registration_refused", target, actor=actor, at=now, changes=changes)


def forget_registrations(email_key: str) -> None:
    """Delete the registrations of an address that wait, with their messages and links."""
    for user_id in pending_registrations.delete_of_address(email_key):
        outbox.delete_of_user(user_id)
        one_time_tokens.delete_of_user(user_id)


def require_free_address(email_key: str) -> None:
    """Require that nobody has an address. Raises: EmailTaken."""
    if users.find("email_key", email_key):
        raise EmailTaken()


def refuse_lookalike(address: str, *, besides: ObjectId | None = None) -> None:
    """Refuse an address that looks like another user's. Raises: EmailLookalike.

    Call it for an address that no administrator vouches for.
    """
    if is_lookalike(address, besides=besides):
        raise EmailLookalike()


def is_lookalike(address: str, *, besides: ObjectId | None = None) -> bool:
    """Return whether an address looks like that of another user than `besides`."""
    return references.is_confusable(address) and users.has_lookalike(address, besides=besides)
