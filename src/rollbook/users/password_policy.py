"""What a password has to be: pure rules, for all of which a caller is told at once."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from rollbook.kit.errors import Detail
from rollbook.kit.text import INVISIBLE, fold
from rollbook.users.common_passwords import is_common
from rollbook.users.guessability import estimate

PolicyName = Literal["standard", "complex", "strict"]

CLASSES: dict[str, Callable[[str], bool]] = {
    "lower": str.islower,
    "upper": str.isupper,
    "digit": str.isdigit,
    "special": lambda character: not character.isalnum(),
}
"""The character classes that `complex` wants one of each of."""
SHORTEST_PART = 3
"""Characters of a name that a password may not be built on; shorter ones are in every other word."""
FEWEST_LEFT = 4
"""Letters and digits that a password needs beside what is known of its owner."""
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class PasswordPolicy:
    """`min_length`: characters, with what the policy itself demands."""

    policy: PolicyName
    min_length: int
    max_length: int
    asks_for_breaches: bool = False

    @property
    def requires(self) -> list[str]:
        return list(CLASSES) if self.policy == "complex" else []

    @property
    def refuses(self) -> list[str]:
        return ["common", "guessable", "personal", *(["breached"] if self.asks_for_breaches else [])]

    def faults(self, password: str, personal: Iterable[str | None]) -> list[Detail]:
        """Every reason to refuse `password`; `personal`: the user's own names and addresses. Never repeats a value."""
        faults = []
        if len(visible(password)) < self.min_length:
            faults.append(_fault("too_short", f"At least {self.min_length} visible characters."))
        missing = [name for name in self.requires if not any(map(CLASSES[name], password))]
        faults += [_fault(f"needs_{name}", f"At least one {name} character.") for name in missing]
        if is_common(fold(password)) or is_common(fold(visible(password))):
            faults.append(_fault("common", "This password has leaked elsewhere, and many use it; choose another."))
        return faults or self._guesses(password, personal)

    def _guesses(self, password: str, personal: Iterable[str | None]) -> list[Detail]:
        """Only of what passed all else, since it takes the longest."""
        folded, known = fold(visible(password)), parts_of(personal)
        found = estimate(folded, known)
        if is_made_of(folded, known) or (found.is_guessable and found.repeats_owner):
            return [_fault("personal", "Too close to a name, an address or the service's own name; choose another.")]
        if found.is_guessable:
            return [_fault("guessable", "Repeats, sequences, rows of keys and single words are easy to guess.")]
        return []


def is_made_of(folded: str, known: Iterable[str]) -> bool:
    """Whether little is left of a password without what is known of its owner, and without signs."""
    words = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
    left = re.sub(words, "", folded)
    return left != folded and len("".join(_WORDS.findall(left))) < FEWEST_LEFT


def visible(password: str) -> str:
    """What counts of it: a run of spaces as one, and what is drawn as nothing not at all."""
    return " ".join(_INVISIBLE.sub("", password).split())


def parts_of(personal: Iterable[str | None]) -> set[str]:
    """The words that someone is known by: names and addresses as a whole and in parts, and the service's own name."""
    known = {"rollbook"}
    for text in filter(None, personal):
        for whole in (fold(text), fold(text).partition("@")[0]):
            words = _WORDS.findall(whole)
            known |= {whole, "".join(words), "".join(reversed(words)), *words}
    return {each for each in known if len(each) >= SHORTEST_PART}


def _fault(code: str, message: str) -> Detail:
    return Detail("password", code, message)
