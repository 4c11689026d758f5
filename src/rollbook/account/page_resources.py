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
from rollbook.account.links import RESET_PATH, UNDO_PATH, VERIFY_PATH
from rollbook.account.purposes import EMAIL_UNDO, PASSWORD_RESET, VERIFICATION, Purpose
from rollbook.account.schemas import PasswordResetIn, TokenIn
from rollbook.account.service import AccountService
from rollbook.kit.errors import AppError, BadRequest, Conflict, ValidationFailed
from rollbook.mail.languages import choose_language, parse_accepted
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


class Pages:
    """`languages` are offered, the default first. Those without texts of ours are in English."""

    def __init__(
        self, account: AccountService, languages: Sequence[str], app_name: str, min_length: int
    ) -> None:
        self._account = account
        self._languages = languages
        self._app_name = app_name
        self._min_length = min_length
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
            return self._show_faults(error, parse_form(raw, _AnyPasswordIn, {}).token)
        return self._render("changed", user.locale)

    def show_undo(self) -> Response:
        return self._show_form("undo", EMAIL_UNDO)

    def confirm_undo(self) -> Response:
        form = parse_form(read_bytes(request), TokenIn, {})
        user = self._account.undo_email(form.token, actor=get_anonymous_principal())
        return self._render("undone", user.locale)

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

    def _show_faults(self, error: ValidationFailed, token: str) -> Response:
        """Show the form again, with what is wrong with the password."""
        link = self._account.find_link(token, PASSWORD_RESET)
        texts = _load_texts(self._choose(link.locale))
        codes = [detail.code if detail.code in texts else "too_long" for detail in error.details]
        faults = [texts[code].format(min_length=self._min_length) for code in codes]
        shown = {"token": token, "address": link.address}
        return self._render("reset", link.locale, status=400, faults=faults, **shown)

    def _render(
        self,
        name: str,
        locale: str | None,
        *,
        status: int = 200,
        token: str | None = None,
        address: str | None = None,
        faults: Sequence[str] = (),
    ) -> Response:
        """Render a page; with a `token`, its form, for the user with the `address`."""
        language = self._choose(locale)
        texts = _load_texts(language)
        html = flask.render_template_string(
            self._template,
            app_name=self._app_name,
            language=language,
            title=texts[f"{name}_title"],
            lines=[texts[f"{name}_text"]],
            button=token and texts[f"{name}_button"],
            label=texts.get(f"{name}_label"),
            action=name,
            token=token,
            address=address,
            faults=faults,
        )
        response = Response(html, status=status, mimetype="text/html")
        response.headers["Content-Security-Policy"] = POLICY
        return response

    def _choose(self, locale: str | None) -> str:
        accepted = parse_accepted(request.environ.get("HTTP_ACCEPT_LANGUAGE", ""))
        chosen = choose_language(self._languages, locale, *accepted)
        return chosen if (FOLDER / f"{chosen}.json").is_file() else FALLBACK


class _AnyPasswordIn(TokenIn):
    """The form, with any password."""

    password: str = ""


def register(
    app: Flask, services: Services, languages: Sequence[str], app_name: str, *, min_length: int
) -> None:
    """Register the pages. `min_length`: of a password."""
    pages = Pages(services.account, languages, app_name, min_length)
    blueprint = flask.Blueprint(PAGES, __name__)
    routes: list[tuple[str, str, Callable[[], Response]]] = [
        ("GET", VERIFY_PATH, pages.show_verification),
        ("POST", VERIFY_PATH, pages.confirm_verification),
        ("GET", RESET_PATH, pages.show_reset),
        ("POST", RESET_PATH, pages.confirm_reset),
        ("GET", UNDO_PATH, pages.show_undo),
        ("POST", UNDO_PATH, pages.confirm_undo),
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
