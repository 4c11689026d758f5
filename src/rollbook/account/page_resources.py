"""The pages that links lead to: plain HTML, without scripts, in the language of the user.

A GET changes nothing, since mail scanners follow links: a button does.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Protocol

import flask
from flask import Flask, Response, request

from rollbook.access.browsers import CrossOrigin
from rollbook.access.client_address import get_anonymous_principal
from rollbook.access.guards import note_signed_in
from rollbook.access.hooks import PAGES
from rollbook.account.errors import SignInLinksOff
from rollbook.account.links import (
    INVITATION_PATH,
    RESET_PATH,
    SIGN_IN_PATH,
    UNDO_PATH,
    VERIFY_PATH,
)
from rollbook.account.page_rendering import FOLDER, PageRenderer
from rollbook.account.purposes import EMAIL_UNDO, PASSWORD_RESET, SIGN_IN_LINK, VERIFICATION
from rollbook.account.schemas import PasswordResetIn, TokenIn
from rollbook.account.service import AccountService
from rollbook.account.sign_in_links import SignInLinkService
from rollbook.auth.refresh_cookie import RefreshCookie
from rollbook.invitations.schemas import AcceptanceIn
from rollbook.invitations.service import InvitationService
from rollbook.kit.errors import (
    AppError,
    BadRequest,
    Conflict,
    Forbidden,
    PayloadTooLarge,
    ValidationFailed,
)
from rollbook.one_time_tokens.purposes import Purpose
from rollbook.users.errors import RegistrationClosed
from rollbook.web.requests import parse_form, read_bytes

STYLES = "/account/page.css"
ERROR_PAGES: Mapping[type[AppError], str] = {
    RegistrationClosed: "closed",
    CrossOrigin: "unsafe",
    BadRequest: "invalid",
    Forbidden: "invalid",
    PayloadTooLarge: "invalid",
    Conflict: "taken",
}
"""Error → the page that explains it. The first that fits counts; any other error is `busy`."""


class Services(Protocol):
    @property
    def account(self) -> AccountService: ...
    @property
    def invitations(self) -> InvitationService: ...
    @property
    def sign_in_links(self) -> SignInLinkService: ...
    @property
    def refresh_cookie(self) -> RefreshCookie: ...
    @property
    def length_limits(self) -> Mapping[str, int]: ...


class Pages:
    """`app_url` is the app that users go back to after they have signed in by a link."""

    def __init__(self, services: Services, renderer: PageRenderer, app_url: str | None) -> None:
        self._account = services.account
        self._invitations = services.invitations
        self._sign_in_links = services.sign_in_links
        self._cookie = services.refresh_cookie
        self._limits = services.length_limits
        self._renderer = renderer
        self._app_url = app_url

    def show_verification(self) -> Response:
        """Show a form. That of a registration says who would know the password."""
        token = request.args.get("token", "")
        link = self._account.find_link(token, VERIFICATION)
        name = "registration" if link.registered else "verify"
        return self._renderer.render(
            name, link.locale, token=token, address=link.address, values=link.registered
        )

    def confirm_verification(self) -> Response:
        form = parse_form(read_bytes(request), TokenIn, {})
        user = self._account.verify(form.token, actor=get_anonymous_principal())
        return self._renderer.render("verified", user.locale)

    def show_reset(self) -> Response:
        return self._show_form("reset", PASSWORD_RESET)

    def confirm_reset(self) -> Response:
        raw = read_bytes(request)
        try:
            form = parse_form(raw, PasswordResetIn, {})
            actor = get_anonymous_principal()
            user = self._account.reset_password(form.token, form.password, actor=actor)
        except ValidationFailed as error:
            token = parse_form(raw, _AnyFormIn, {}).token
            link = self._account.find_link(token, PASSWORD_RESET)
            shown = {"token": token, "address": link.address}
            return self._renderer.render_faults("reset", error, link.locale, **shown)
        return self._renderer.render("changed", user.locale)

    def show_undo(self) -> Response:
        return self._show_form("undo", EMAIL_UNDO)

    def confirm_undo(self) -> Response:
        form = parse_form(read_bytes(request), TokenIn, {})
        user = self._account.undo_email(form.token, actor=get_anonymous_principal())
        return self._renderer.render("undone", user.locale)

    def show_invitation(self) -> Response:
        token = request.args.get("token", "")
        address, name = self._describe_invitation(token)
        return self._renderer.render("invitation", None, token=token, address=address, name=name)

    def accept_invitation(self) -> Response:
        raw = read_bytes(request)
        try:
            form = parse_form(raw, AcceptanceIn, self._limits)
            self._invitations.accept(form, actor=get_anonymous_principal())
        except ValidationFailed as error:
            sent = parse_form(raw, _AnyFormIn, {})
            address, _ = self._describe_invitation(sent.token)
            shown = {"token": sent.token, "address": address, "name": sent.name}
            return self._renderer.render_faults("invitation", error, None, **shown)
        return self._renderer.render("accepted", None)

    def _describe_invitation(self, token: str) -> tuple[str, str]:
        """Return the address of an invitation, and the name. Raises: InvalidOneTimeToken."""
        invitation = self._invitations.describe(token)
        return invitation["email"], invitation.get("name", "")

    def show_sign_in(self) -> Response:
        return self._show_form("link", SIGN_IN_LINK)

    def sign_in(self) -> Response:
        """Sign in with the refresh cookie, which the app uses. Raises: SignInLinksOff, CrossOrigin.

        A foreign page must not send its own token: the user would act in somebody else's account.
        So a browser has to say where the form is from (W3C Fetch Metadata).
        """
        if request.headers.get("Sec-Fetch-Site") != "same-origin":
            raise CrossOrigin()
        if not self._cookie.enabled:
            raise SignInLinksOff()
        form = parse_form(read_bytes(request), TokenIn, {})
        signed_in = self._sign_in_links.sign_in(form.token, actor=get_anonymous_principal())
        note_signed_in(str(signed_in.user.pk), signed_in.session_id)
        self._cookie.set(signed_in.refresh_token or "")
        return self._renderer.render("signed_in", signed_in.user.locale, next_url=self._app_url)

    def render_error(self, error: AppError) -> Response:
        fitting = (page for kind, page in ERROR_PAGES.items() if isinstance(error, kind))
        name = next(fitting, "busy")
        response = self._renderer.render(name, None, status=error.status)
        response.headers.extend(error.headers)
        return response

    def _show_form(self, name: str, purpose: Purpose) -> Response:
        """Show a form, if the token is alive. Raises: InvalidOneTimeToken."""
        token = request.args.get("token", "")
        link = self._account.find_link(token, purpose)
        return self._renderer.render(name, link.locale, token=token, address=link.address)


class _AnyFormIn(TokenIn):
    """A form, with any values."""

    password: str = ""
    name: str = ""


def register(
    app: Flask, services: Services, languages: Sequence[str], app_name: str, app_url: str | None
) -> None:
    """Register the pages."""
    renderer = PageRenderer(languages, app_name, services.length_limits)
    pages = Pages(services, renderer, app_url)
    blueprint = flask.Blueprint(PAGES, __name__)
    routes: list[tuple[str, str, Callable[[], Response]]] = [
        ("GET", VERIFY_PATH, pages.show_verification),
        ("POST", VERIFY_PATH, pages.confirm_verification),
        ("GET", RESET_PATH, pages.show_reset),
        ("POST", RESET_PATH, pages.confirm_reset),
        ("GET", UNDO_PATH, pages.show_undo),
        ("POST", UNDO_PATH, pages.confirm_undo),
        ("GET", INVITATION_PATH, pages.show_invitation),
        ("POST", INVITATION_PATH, pages.accept_invitation),
        ("GET", SIGN_IN_PATH, pages.show_sign_in),
        ("POST", SIGN_IN_PATH, pages.sign_in),
        ("GET", STYLES, lambda: flask.send_from_directory(FOLDER, "page.css")),
    ]
    for method, path, view in routes:
        name = f"{method.lower()}_{path.rpartition('/')[2].partition('.')[0]}"
        handler = _handle_errors(pages, view)
        blueprint.add_url_rule(path, name, handler, methods=[method])
    app.register_blueprint(blueprint)


def _handle_errors(pages: Pages, view: Callable[[], Response]) -> Callable[[], Response]:
    """Show an error as a page, instead of as JSON."""

    @wraps(view)
    def handle() -> Response:
        try:
            return view()
        except AppError as error:
            return pages.render_error(error)

    return handle
