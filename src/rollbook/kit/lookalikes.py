"""Skeletons: texts that look alike have the same one (Unicode Technical Standard #39, §4)."""

import unicodedata
from functools import cache
from importlib.resources import files

from rollbook.kit.text import fold


def skeleton(text: str) -> str:
    """Return the skeleton of a text, for comparison only, never for display."""
    prototypes = _load_prototypes()
    decomposed = unicodedata.normalize("NFD", fold(text))
    replaced = "".join(prototypes.get(character, character) for character in decomposed)
    return unicodedata.normalize("NFD", replaced)


@cache
def _load_prototypes() -> dict[str, str]:
    """Map each character to the prototype of all characters that look like it.

    data/README.md names the source.
    """
    table = files("rollbook.kit").joinpath("data", "confusables.txt").read_text("utf-8")
    return {line[0]: line[1:] for line in table.split("\n") if line}
