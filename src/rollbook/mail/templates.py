"""The texts of messages: Jinja templates, one for each kind and language."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, select_autoescape
from jinja2.sandbox import SandboxedEnvironment

FOLDER = Path(str(files("rollbook.mail"))) / "templates"
LAYOUT = "layout.html"
SAMPLE = {"link": "https://users.example.com/account/sample?token=sample", "hours": 24}
_HEAD = re.compile(r"(?P<name>[A-Z][a-z]+): (?P<value>.+)")


class TemplateRefused(ValueError):
    """A template cannot be used. The text names it, and says why."""


@dataclass(frozen=True)
class Content:
    subject: str
    text: str
    html: str


class Templates:
    """`folder` has templates that replace those of rollbook, one by one.

    A template `en/password_reset.txt` begins with `Subject: …`, and `Button: …` if it has a link.
    Then come paragraphs. The paragraph that is the link becomes a button in HTML.
    """

    def __init__(self, folder: Path | None, languages: Sequence[str], app_name: str) -> None:
        self.languages = languages
        self._app_name = app_name
        folders = [folder, FOLDER] if folder else [FOLDER]
        self._environment = SandboxedEnvironment(
            loader=FileSystemLoader(folders),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            keep_trailing_newline=False,
        )

    def check(self, kinds: Sequence[str]) -> None:
        """Render every template, so that a mistake stops the start. Raises: TemplateRefused."""
        for language in self.languages:
            for kind in kinds:
                self.render(kind, language, SAMPLE)

    def render(self, kind: str, language: str, variables: Mapping[str, Any]) -> Content:
        """Render a message. Raises: TemplateRefused."""
        name = f"{language}/{kind}.txt"
        values = {**variables, "app_name": self._app_name}
        try:
            head, body = _split(self._environment.get_template(name).render(values))
            if "Subject" not in head:
                raise TemplateRefused(f"{name}: the first line has to be `Subject: …`.")
            html = self._environment.get_template(LAYOUT).render(
                values,
                language=language,
                subject=head["Subject"],
                button=head.get("Button", ""),
                paragraphs=[part.replace("\n", " ") for part in body.split("\n\n")],
                link=variables.get("link"),
            )
        except (TemplateError, OSError) as error:
            raise TemplateRefused(f"{name}: {type(error).__name__}: {error}") from None
        return Content(head["Subject"], body + "\n", html)


def _split(rendered: str) -> tuple[dict[str, str], str]:
    """Split a rendered template into the lines of its head, and its body."""
    head, _, body = rendered.strip().partition("\n\n")
    fields = (_HEAD.fullmatch(line.strip()) for line in head.splitlines())
    return {match["name"]: match["value"] for match in fields if match}, body.strip()
