"""When do two texts look alike? The skeleton of Unicode Technical Standard #39, §4, over folded text."""

import unicodedata
from functools import cache
from importlib.resources import files

from rollbook.kit.text import fold


def skeleton(text: str) -> str:
    """Texts that look alike have the same one; it is for comparing only, and nothing to show."""
    prototypes = _prototypes()
    decomposed = unicodedata.normalize("NFD", fold(text))
    return unicodedata.normalize("NFD", "".join(prototypes.get(each, each) for each in decomposed))


@cache
def _prototypes() -> dict[str, str]:
    """Character → what stands for all that look like it; see data/README.md for where the table is from."""
    table = files("rollbook.kit").joinpath("data", "confusables.txt").read_text("utf-8")
    return {line[0]: line[1:] for line in table.split("\n") if line}
