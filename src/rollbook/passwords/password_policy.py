"""The password policy: pure rules that report every reason to refuse a password at once."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rollbook.kit.errors import Detail
from rollbook.kit.text import INVISIBLE, fold
from rollbook.passwords.common_passwords import is_common
from rollbook.passwords.guessability import estimate_guesses
from rollbook.passwords.schemas import PolicyName

MAX_PASSWORD_LENGTH = 128
CHARACTER_CLASSES: dict[str, Callable[[str], bool]] = {
    "lower": str.islower,
    "upper": str.isupper,
    "digit": str.isdigit,
    "special": lambda character: not character.isalnum(),
}
"""`complex` requires one character of each."""
CLASS_NAMES = {
    "lower": "lower-case letter",
    "upper": "upper-case letter",
    "digit": "digit",
    "special": "character that is neither a letter nor a digit",
}
MIN_PART_LENGTH = 3
"""Shorter parts of a name occur in too many words to be refused."""
MIN_OTHER_CHARACTERS = 4
"""Letters and digits that a password needs besides the known words of its owner."""
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class PasswordPolicy:
    """`min_length` includes what the policy itself requires. `basic` checks nothing else."""

    policy: PolicyName
    min_length: int
    max_length: int = MAX_PASSWORD_LENGTH
    checks_breaches: bool = False

    @property
    def requires(self) -> list[str]:
        return list(CHARACTER_CLASSES) if self.policy == "complex" else []

    @property
    def refuses(self) -> list[str]:
        guessable = [] if self.policy == "basic" else ["common", "guessable", "personal"]
        return [*guessable, *(["breached"] if self.checks_breaches else [])]

    def list_faults(self, password: str, personal: Iterable[str | None]) -> list[Detail]:
        """List every reason to refuse `password`. A reason never repeats a value."""
        faults = []
        if len(get_visible(password)) < self.min_length:
            message = f"At least {self.min_length} visible characters."
            faults.append(_fault("too_short", message))
        if self.policy == "basic":
            return faults
        missing = [n for n in self.requires if not any(map(CHARACTER_CLASSES[n], password))]
        faults += [_fault(f"needs_{n}", f"At least one {CLASS_NAMES[n]}.") for n in missing]
        if is_common(fold(password)) or is_common(fold(get_visible(password))):
            message = "This password is in lists of leaked passwords. Choose another one."
            faults.append(_fault("common", message))
        return faults or self._list_guessable(password, personal)

    def _list_guessable(self, password: str, personal: Iterable[str | None]) -> list[Detail]:
        """List the reason why a password is easy to guess, if it is.

        It is the slowest check, so it runs only for what passed all others.
        """
        folded, known = fold(get_visible(password)), split_personal(personal)
        estimate = estimate_guesses(folded, known)
        repeats_owner = estimate.is_guessable and estimate.repeats_owner
        if is_made_of(folded, known) or repeats_owner:
            message = "Too close to a name, an address or the name of the service."
            return [_fault("personal", f"{message} Choose another one.")]
        if estimate.is_guessable:
            message = "Repeats, sequences, keyboard patterns and single words are easy to guess."
            return [_fault("guessable", message)]
        return []


def is_made_of(folded: str, known: Iterable[str]) -> bool:
    """Return whether a password is little more than known words of its owner.

    Signs do not count.
    """
    words = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
    rest = re.sub(words, "", folded)
    return rest != folded and len("".join(_WORDS.findall(rest))) < MIN_OTHER_CHARACTERS


def get_visible(password: str) -> str:
    """Return the characters that count.

    A run of spaces counts once, invisible characters do not count.
    """
    return " ".join(_INVISIBLE.sub("", password).split())


def split_personal(personal: Iterable[str | None]) -> set[str]:
    """Split what is known of a user into words.

    The words are names and addresses, whole and in parts, and the name of the service.
    """
    known = {"rollbook"}
    for text in filter(None, personal):
        for whole in (fold(text), fold(text).partition("@")[0]):
            words = _WORDS.findall(whole)
            known |= {whole, "".join(words), "".join(reversed(words)), *words}
    return {each for each in known if len(each) >= MIN_PART_LENGTH}


def _fault(code: str, message: str) -> Detail:
    return Detail("password", code, message)
