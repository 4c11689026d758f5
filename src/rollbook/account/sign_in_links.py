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
        verified = self._verify(user)
        known = Credentials.from_row(verified.to_mongo())
        changes = policy.describe_changes(user, verified)
        started = self.auth.start_session(known, {}, actor=actor, changes=changes)
        if started is None:
            raise InvalidOneTimeToken()
        return started

    def _verify(self, user: User) -> User:
        """Note that the address is the user's own, which the link has shown."""
        if user.email_verified:
            return user
        now = self.auth.clock()
        fields = stored_fields.build_verification({"email_verified": True}, now)
        return users.update_from(user, at=now, fields=fields)

    def _require_enabled(self) -> None:
        if not self.is_enabled:
            raise SignInLinksOff()
