"""The pages that links lead to: plain HTML, without scripts, in the language of the user.

A GET changes nothing, since mail scanners follow links: a button does.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache, wraps
from importlib.resources import files
from pathlib import Path
from typing import Protocol

import flask
from flask import Flask, Response, request

from rollbook.access.client_address import get_anonymous_principal
from rollbook.access.hooks import PAGES
from rollbook.account.links import INVITATION_PATH, RESET_PATH, UNDO_PATH, VERIFY_PATH
from rollbook.account.purposes import EMAIL_UNDO, PASSWORD_RESET, VERIFICATION
from rollbook.account.schemas import PasswordResetIn, TokenIn
from rollbook.account.service import AccountService
from rollbook.invitations.schemas import AcceptanceIn
from rollbook.invitations.service import InvitationService
from rollbook.kit.errors import AppError, BadRequest, Conflict, Detail, ValidationFailed
from rollbook.mail.languages import choose_language, parse_accepted
from rollbook.one_time_tokens.purposes import Purpose
from rollbook.web.requests import parse_form, read_bytes

FOLDER = Path(str(files("rollbook.account"))) / "pages"
STYLES = "/account/page.css"
POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
"""Nothing is loaded from elsewhere, and nothing is sent elsewhere. The token is in the URL."""
FALLBACK = "en"


class Services(Protocol):
    @property
    def account(self) -> AccountService: ...
    @property
    def invitations(self) -> InvitationService: ...
    @property
    def length_limits(self) -> Mapping[str, int]: ...


class Pages:
    """`languages` are offered, the default first. Those without texts of ours are in English."""

    def __init__(self, services: Services, languages: Sequence[str], app_name: str) -> None:
        self._account = services.account
        self._invitations = services.invitations
        self._limits = services.length_limits
        self._languages = languages
        self._app_name = app_name
        self._template = (FOLDER / "page.html").read_text("utf-8")

    def show_verification(self) -> Response:
        return self._show_form("verify", VERIFICATION)

    def confirm_verification(self) -> Response:
        form = parse_form(read_bytes(request), TokenIn, {})
        user = self._account.verify(form.token, actor=get_anonymous_principal())
        return self._render("verified", user.locale)

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
            return self._show_faults("reset", error, link.locale, **shown)
        return self._render("changed", user.locale)

    def show_undo(self) -> Response:
        return self._show_form("undo", EMAIL_UNDO)

    def confirm_undo(self) -> Response:
        form = parse_form(read_bytes(request), TokenIn, {})
        user = self._account.undo_email(form.token, actor=get_anonymous_principal())
        return self._render("undone", user.locale)

    def show_invitation(self) -> Response:
        token = request.args.get("token", "")
        address, name = self._describe_invitation(token)
        return self._render("invitation", None, token=token, address=address, name=name)

    def accept_invitation(self) -> Response:
        raw = read_bytes(request)
        try:
            form = parse_form(raw, AcceptanceIn, self._limits)
            self._invitations.accept(form, actor=get_anonymous_principal())
        except ValidationFailed as error:
            sent = parse_form(raw, _AnyFormIn, {})
            address, _ = self._describe_invitation(sent.token)
            shown = {"token": sent.token, "address": address, "name": sent.name}
            return self._show_faults("invitation", error, None, **shown)
        return self._render("accepted", None)

    def _describe_invitation(self, token: str) -> tuple[str, str]:
        """Return the address of an invitation, and the name. Raises: InvalidOneTimeToken."""
        invitation = self._invitations.describe(token)
        return invitation["email"], invitation.get("name", "")

    def render_error(self, error: AppError) -> Response:
        names = {BadRequest: "invalid", Conflict: "taken"}
        name = next((names[kind] for kind in names if isinstance(error, kind)), "busy")
        response = self._render(name, None, status=error.status)
        response.headers.extend(error.headers)
        return response

    def _show_form(self, name: str, purpose: Purpose) -> Response:
        """Show a form, if the token is alive. Raises: InvalidOneTimeToken."""
        token = request.args.get("token", "")
        link = self._account.find_link(token, purpose)
        return self._render(name, link.locale, token=token, address=link.address)

    def _show_faults(
        self, page: str, error: ValidationFailed, locale: str | None, **shown: str
    ) -> Response:
        """Show a form again, with what is wrong with the password or the name."""
        texts = _load_texts(self._choose(locale))
        limits = {
            "min_length": self._limits["min_password_length"],
            "max_length": self._limits["name_max_length"],
        }
        codes = [_name_fault(detail, texts) for detail in error.details]
        faults = [texts[code].format(**limits) for code in codes]
        return self._render(page, locale, status=400, faults=faults, **shown)

    def _render(
        self,
        page: str,
        locale: str | None,
        *,
        status: int = 200,
        token: str | None = None,
        address: str | None = None,
        name: str | None = None,
        faults: Sequence[str] = (),
    ) -> Response:
        """Render a page; with a `token`, its form, for the user with the `address`.

        With a `name`, the form has a field for it.
        """
        language = self._choose(locale)
        texts = _load_texts(language)
        html = flask.render_template_string(
            self._template,
            app_name=self._app_name,
            language=language,
            title=texts[f"{page}_title"],
            lines=[texts[f"{page}_text"]],
            button=token and texts[f"{page}_button"],
            label=texts.get(f"{page}_label"),
            action=page,
            token=token,
            address=address,
            name=name,
            name_label=texts["name_label"],
            faults=faults,
        )
        response = Response(html, status=status, mimetype="text/html")
        response.headers["Content-Security-Policy"] = POLICY
        return response

    def _choose(self, locale: str | None) -> str:
        accepted = parse_accepted(request.environ.get("HTTP_ACCEPT_LANGUAGE", ""))
        chosen = choose_language(self._languages, locale, *accepted)
        return chosen if (FOLDER / f"{chosen}.json").is_file() else FALLBACK


class _AnyFormIn(TokenIn):
    """A form, with any values."""

    password: str = ""
    name: str = ""


def _name_fault(detail: Detail, texts: Mapping[str, str]) -> str:
    if detail.field == "name":
        return "bad_name"
    return detail.code if detail.code in texts else "too_long"


def register(app: Flask, services: Services, languages: Sequence[str], app_name: str) -> None:
    """Register the pages."""
    pages = Pages(services, languages, app_name)
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


@cache
def _load_texts(language: str) -> Mapping[str, str]:
    texts: Mapping[str, str] = json.loads((FOLDER / f"{language}.json").read_text("utf-8"))
    return texts
