"""Verify an address and recover a password over HTTP."""

from typing import Protocol

from flask_restful import Resource

from rollbook.access.client_address import get_anonymous_principal
from rollbook.access.guards import public
from rollbook.account.errors import SignInLinksOff
from rollbook.account.schemas import AddressIn, LinkSignInIn, PasswordResetIn, TokenIn
from rollbook.account.service import AccountService
from rollbook.account.sign_in_links import SignInLinkService
from rollbook.auth.errors import OriginNotAllowed
from rollbook.auth.resources import AuthResource
from rollbook.auth.resources import Services as AuthServices
from rollbook.auth.schemas import SignedInOut
from rollbook.kit.errors import TooManyRequests
from rollbook.limits.errors import LimitsUnavailable
from rollbook.mail.errors import MailNotConfigured
from rollbook.one_time_tokens.errors import InvalidOneTimeToken
from rollbook.passwords.errors import PasswordRefused, TooBusy
from rollbook.users.errors import EmailLookalike, EmailTaken, RegistrationClosed
from rollbook.users.schemas import UserOut
from rollbook.web.declarations import Reply
from rollbook.web.endpoints import Api, endpoint

THROTTLED = (TooManyRequests, LimitsUnavailable)
ON_ITS_WAY = "If an account has this address, a message is on its way."


class Services(AuthServices, Protocol):
    @property
    def account(self) -> AccountService: ...
    @property
    def sign_in_links(self) -> SignInLinkService: ...


class AccountResource(Resource):
    def __init__(self, services: Services) -> None:
        self.account = services.account


class Verification(AccountResource):
    @public
    @endpoint(
        "request_verification",
        ON_ITS_WAY,
        body=AddressIn,
        status=202,
        errors=(MailNotConfigured, *THROTTLED),
    )
    def post(self, body: AddressIn) -> Reply:
        """Send a link that verifies an address, unless it is verified.

        The response is the same whether an account has the address or not. The link is valid once,
        for 24 hours; a newer one replaces it.
        """
        self.account.request_verification(body.email, actor=get_anonymous_principal())
        return Reply(None)


class VerificationConfirmation(AccountResource):
    @public
    @endpoint(
        "confirm_verification",
        "Address verified.",
        body=TokenIn,
        returns=UserOut,
        errors=(InvalidOneTimeToken, EmailTaken, EmailLookalike, RegistrationClosed, *THROTTLED),
    )
    def post(self, body: TokenIn) -> Reply:
        """Verify an address with the token of a link, which its owner got.

        A pending one becomes the user's address, and a registration that waits for its link
        becomes a user. It is 409 if another user has the address by then.
        """
        return Reply(self.account.verify(body.token, actor=get_anonymous_principal()))


class ForgottenPassword(AccountResource):
    @public
    @endpoint(
        "forget_password",
        ON_ITS_WAY,
        body=AddressIn,
        status=202,
        errors=(MailNotConfigured, *THROTTLED),
    )
    def post(self, body: AddressIn) -> Reply:
        """Send a link to set a new password.

        The response is the same whether an account has the address or not; a disabled account gets
        nothing. The link is valid once, for one hour; a newer one replaces it.
        """
        self.account.request_reset(body.email, actor=get_anonymous_principal())
        return Reply(None)


class PasswordReset(AccountResource):
    @public
    @endpoint(
        "reset_password",
        "Password set.",
        body=PasswordResetIn,
        status=204,
        errors=(InvalidOneTimeToken, PasswordRefused, TooBusy, *THROTTLED),
    )
    def post(self, body: PasswordResetIn) -> Reply:
        """Set a new password with the token of a link, and end all sessions.

        It verifies the address too, and a message tells the owner. A password that the policy
        refuses leaves the link valid.
        """
        self.account.reset_password(body.token, body.password, actor=get_anonymous_principal())
        return Reply(None)


class AddressUndo(AccountResource):
    @public
    @endpoint(
        "undo_email",
        "Address put back.",
        body=TokenIn,
        status=204,
        errors=(InvalidOneTimeToken, EmailTaken, *THROTTLED),
    )
    def post(self, body: TokenIn) -> Reply:
        """Put a former address back, with the token of the message that it got at the change.

        It ends all sessions, and sends a link to set a new password. The token is valid for 7 days.
        """
        self.account.undo_email(body.token, actor=get_anonymous_principal())
        return Reply(None)


class SignInLink(AuthResource):
    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.links = services.sign_in_links

    @public
    @endpoint(
        "request_sign_in_link",
        ON_ITS_WAY,
        body=AddressIn,
        status=202,
        errors=(SignInLinksOff, MailNotConfigured, *THROTTLED),
    )
    def post(self, body: AddressIn) -> Reply:
        """Send a link to sign in without a password, where SIGN_IN_LINKS allows it.

        The response is the same whether an account has the address or not. The link is valid once,
        for 15 minutes.
        """
        self.links.request_link(body.email, actor=get_anonymous_principal())
        return Reply(None)


class SignInLinkConfirmation(SignInLink):
    @public
    @endpoint(
        "confirm_sign_in_link",
        "Signed in.",
        body=LinkSignInIn,
        returns=SignedInOut,
        errors=(SignInLinksOff, InvalidOneTimeToken, OriginNotAllowed, *THROTTLED),
    )
    def post(self, body: LinkSignInIn) -> Reply:
        """Sign in with the token of a link. The response is that of a sign-in.

        It verifies the address. If it was not verified before, the password and all other sessions
        end: a stranger may have registered with it.
        """
        if body.refresh_cookie:
            self.cookie.require_allowed()
        signed_in = self.links.sign_in(body.token, actor=get_anonymous_principal())
        return self._send_tokens(signed_in, in_cookie=body.refresh_cookie)


def register(api: Api, services: Services) -> None:
    kwargs = {"services": services}
    resources: list[tuple[type[Resource], str, str]] = [
        (Verification, "/auth/verification", "verification"),
        (VerificationConfirmation, "/auth/verification/confirm", "verification_confirmation"),
        (ForgottenPassword, "/auth/password/forgot", "forgotten_password"),
        (PasswordReset, "/auth/password/reset", "password_reset"),
        (AddressUndo, "/auth/email/undo", "address_undo"),
        (SignInLink, "/auth/link", "sign_in_link"),
        (SignInLinkConfirmation, "/auth/link/confirm", "sign_in_link_confirmation"),
    ]
    for resource, path, name in resources:
        api.add_resource(resource, path, endpoint=name, resource_class_kwargs=kwargs)
