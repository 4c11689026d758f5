"""Render the pages that links lead to, in the language of the user."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import flask
from flask import Response, request

from rollbook.kit.errors import Detail, ValidationFailed
from rollbook.mail.languages import choose_language, parse_accepted

FOLDER = Path(str(files("rollbook.account"))) / "pages"
POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
"""Nothing is loaded from elsewhere, and nothing is sent elsewhere. The token is in the URL."""
FALLBACK = "en"


class PageRenderer:
    """`languages` are offered, the default first. Those without texts of ours are in English.

    `limits` are the lengths that the settings allow.
    """

    def __init__(self, languages: Sequence[str], app_name: str, limits: Mapping[str, int]) -> None:
        self._languages = languages
        self._app_name = app_name
        self._limits = limits
        self._template = (FOLDER / "page.html").read_text("utf-8")

    def render_faults(
        self,
        page: str,
        error: ValidationFailed,
        locale: str | None,
        *,
        token: str,
        address: str,
        name: str | None = None,
    ) -> Response:
        """Render a form again, with what is wrong with the password or the name."""
        texts = _load_texts(self._choose(locale))
        limits = {
            "min_length": self._limits["min_password_length"],
            "max_length": self._limits["name_max_length"],
        }
        codes = [_name_fault(detail, texts) for detail in error.details]
        faults = [texts[code].format(**limits) for code in codes]
        return self.render(
            page, locale, status=400, token=token, address=address, name=name, faults=faults
        )

    def render(
        self,
        page: str,
        locale: str | None,
        *,
        status: int = 200,
        token: str | None = None,
        address: str | None = None,
        name: str | None = None,
        faults: Sequence[str] = (),
        next_url: str | None = None,
        values: Mapping[str, str] | None = None,
    ) -> Response:
        """Render a page; with a `token`, its form, for the user with the `address`.

        With a `name`, the form has a field for it. `next_url` is a link to go on with. `values`
        are those of the text.
        """
        language = self._choose(locale)
        texts = _load_texts(language)
        html = flask.render_template_string(
            self._template,
            app_name=self._app_name,
            language=language,
            title=texts[f"{page}_title"],
            text=texts[f"{page}_text"].format(**(values or {})),
            button=token and texts[f"{page}_button"],
            label=texts.get(f"{page}_label"),
            action=request.path.rpartition("/")[2],
            token=token,
            address=address,
            name=name,
            name_label=texts["name_label"],
            faults=faults,
            next_url=next_url,
            next_label=texts["next_label"],
        )
        response = Response(html, status=status, mimetype="text/html")
        response.headers["Content-Security-Policy"] = POLICY
        return response

    def _choose(self, locale: str | None) -> str:
        accepted = parse_accepted(request.environ.get("HTTP_ACCEPT_LANGUAGE", ""))
        chosen = choose_language(self._languages, locale, *accepted)
        return chosen if (FOLDER / f"{chosen}.json").is_file() else FALLBACK


def _name_fault(detail: Detail, texts: Mapping[str, str]) -> str:
    if detail.field == "name":
        return "bad_name"
    return detail.code if detail.code in texts else "too_long"


@cache
def _load_texts(language: str) -> Mapping[str, str]:
    texts: Mapping[str, str] = json.loads((FOLDER / f"{language}.json").read_text("utf-8"))
    return texts
