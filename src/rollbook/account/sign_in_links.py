"""Sign in by a link instead of a password."""

from dataclasses import dataclass

from rollbook.access.principal import Principal
from rollbook.account.errors import SignInLinksOff
from rollbook.account.link_requests import LinkRequests
from rollbook.account.purposes import SIGN_IN_LINK
from rollbook.account.token_owners import get_owner
from rollbook.auth.service import AuthService, SignedIn, Started
from rollbook.kit import metrics
from rollbook.limits.service import AttemptLimiter
from rollbook.one_time_tokens.errors import InvalidOneTimeToken
from rollbook.one_time_tokens.service import OneTimeTokenService
from rollbook.passwords.hashing import create_unknown_hash
from rollbook.storage.transactions import transactional
from rollbook.users import policy, stored_fields
from rollbook.users.credentials import Credentials
from rollbook.users.dao import users
from rollbook.users.documents import User


@dataclass(frozen=True)
class SignInLinkService:
    is_enabled: bool
    requests: LinkRequests
    tokens: OneTimeTokenService
    attempts: AttemptLimiter
    auth: AuthService

    def request_link(self, email: str, *, actor: Principal) -> None:
        """Send a link to sign in, if an active user has the address.

        Raises: SignInLinksOff, MailNotConfigured, TooManyRequests, LimitsUnavailable.
        """
        self._require_enabled()
        self.requests.request(SIGN_IN_LINK, "auth.link_requested", email, actor=actor)

    def sign_in(self, token: str, *, actor: Principal) -> SignedIn:
        """Sign the user of a link in.

        The link shows that the address is the user's own. Until then, a stranger may have
        registered with it: that password and those sessions end.

        Raises: SignInLinksOff, InvalidOneTimeToken, TooManyRequests, LimitsUnavailable.
        """
        self._require_enabled()
        with metrics.count_result(metrics.sign_ins()):
            self.attempts.count_attempt(actor.origin)
            signer = self.auth.tokens.get_signer()  # Before the token is used up: it may fail.
            return self.auth.issue_tokens(signer, *self._start_session(token, actor=actor))

    @transactional()
    def _start_session(self, token: str, *, actor: Principal) -> Started:
        user = get_owner(self.tokens.take(token, SIGN_IN_LINK.name))
        verified = user if user.email_verified else self._claim(user)
        known = Credentials.from_row(verified.to_mongo())
        changes = policy.describe_changes(user, verified)
        started = self.auth.start_session(known, {}, actor=actor, changes=changes)
        if started is None:
            raise InvalidOneTimeToken()
        return started

    def _claim(self, user: User) -> User:
        """Give an account to the owner of its address, with a password that nobody knows."""
        now = self.auth.clock()
        fields = {
            "password_hash": create_unknown_hash(),
            "pending_email": None,
            **stored_fields.build_verification({"email_verified": True}, now),
        }
        self.auth.sessions.delete_sessions(user.pk)
        return users.update_from(user, at=now, fields=fields)

    def _require_enabled(self) -> None:
        if not self.is_enabled:
            raise SignInLinksOff()
