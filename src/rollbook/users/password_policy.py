"""What a password has to be: pure rules, for all of which a caller is told at once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from zxcvbn.frequency_lists import FREQUENCY_LISTS

from rollbook.kit.errors import Detail
from rollbook.kit.text import fold

PolicyName = Literal["standard", "complex", "strict"]

CLASSES: dict[str, Callable[[str], bool]] = {
    "lower": str.islower,
    "upper": str.isupper,
    "digit": str.isdigit,
    "special": lambda character: not character.isalnum(),
}
"""The character classes that `complex` wants one of each of."""


@dataclass(frozen=True)
class PasswordPolicy:
    """`min_length`: characters, with what the policy itself demands."""

    policy: PolicyName
    min_length: int
    max_length: int

    @property
    def requires(self) -> list[str]:
        return list(CLASSES) if self.policy == "complex" else []

    @property
    def refuses(self) -> list[str]:
        return ["common", "personal"]

    def faults(self, password: str, personal: Iterable[str | None]) -> list[Detail]:
        """Every reason to refuse `password`; `personal`: the user's own names and addresses. Never repeats a value."""
        folded = fold(password)
        faults = []
        if len(password) < self.min_length:
            faults.append(_fault("too_short", f"At least {self.min_length} characters."))
        missing = [name for name in self.requires if not any(map(CLASSES[name], password))]
        faults += [_fault(f"needs_{name}", f"At least one {name} character.") for name in missing]
        if folded in _common():
            faults.append(_fault("common", "This password is among the commonest; choose another."))
        own = {_spaceless(part) for text in personal if text for part in (text, text.partition("@")[0])}
        if _spaceless(password) in own:
            faults.append(_fault("personal", "The password must not be one's own name, username or e-mail."))
        return faults


def _spaceless(text: str) -> str:
    return "".join(fold(text).split())


def _fault(code: str, message: str) -> Detail:
    return Detail("password", code, message)


@cache
def _common() -> frozenset[str]:
    """The 30,000 commonest passwords of zxcvbn, folded."""
    return frozenset(fold(password) for password in FREQUENCY_LISTS["passwords"])
