"""The texts of messages: Jinja templates, one for each kind and language."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, select_autoescape
from jinja2.sandbox import SandboxedEnvironment

FOLDER = Path(str(files("rollbook.mail"))) / "templates"
LAYOUT = "layout.html"
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

    def __init__(
        self,
        folder: Path | None,
        languages: Sequence[str],
        app_name: str,
        kinds: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """`kinds`: kind of a message → the variables of its template, for a preview."""
        self.languages = languages
        self._folder = folder
        self._app_name = app_name
        self._kinds = kinds
        folders = [folder, FOLDER] if folder else [FOLDER]
        self._environment = SandboxedEnvironment(
            loader=FileSystemLoader(folders),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            keep_trailing_newline=False,
        )

    def check(self) -> None:
        """Render every template, so that a mistake stops the start. Raises: TemplateRefused."""
        if self._folder and not self._folder.is_dir():
            raise TemplateRefused(f"{self._folder} is not a folder.")
        for language in self.languages:
            for kind in self._kinds:
                self.preview(kind, language)

    def preview(self, kind: str, language: str) -> Content:
        """Render a message with a sample link. Raises: TemplateRefused."""
        if kind not in self._kinds:
            raise TemplateRefused(f"There is no kind {kind}. Choose from {', '.join(self._kinds)}.")
        variables = self._kinds[kind]
        content = self.render(kind, language, variables)
        if variables.get("link", "") not in content.text:
            raise TemplateRefused(f"{language}/{kind}.txt: there is no {{{{ link }}}}.")
        return content

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
        except TemplateRefused:
            raise
        except Exception as error:  # A template can raise anything.
            raise TemplateRefused(f"{name}: {type(error).__name__}: {error}") from None
        return Content(head["Subject"], body + "\n", html)


def _split(rendered: str) -> tuple[dict[str, str], str]:
    """Split a rendered template into the lines of its head, and its body."""
    head, _, body = rendered.strip().partition("\n\n")
    fields = (_HEAD.fullmatch(line.strip()) for line in head.splitlines())
    return {match["name"]: match["value"] for match in fields if match}, body.strip()
