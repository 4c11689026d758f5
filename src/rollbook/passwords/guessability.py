"""How soon an attacker who knows words, names, dates and keyboard patterns guesses a password."""

from collections.abc import Collection
from dataclasses import dataclass

from zxcvbn import zxcvbn

MIN_GUESSES = 1_000_000
"""zxcvbn calls anything below "very guessable"."""
MAX_ESTIMATED_LENGTH = 40
"""Characters that are estimated: the time grows with their square."""
LEET_SIGNS = "@({[<!|$+%"
MAX_LEET_SIGNS = 2
"""Each further sign that may stand for a letter doubles the time, so it is left out."""


@dataclass(frozen=True)
class Estimate:
    """`repeats_owner`: a part of the password is known of its owner."""

    is_guessable: bool
    repeats_owner: bool


def estimate_guesses(password: str, known: Collection[str]) -> Estimate:
    """Estimate with zxcvbn (Wheeler, USENIX Security 2016), in at most about 50 ms.

    `known`: what an attacker knows of the owner and of the service.
    """
    ignored = [sign for sign in dict.fromkeys(password) if sign in LEET_SIGNS][MAX_LEET_SIGNS:]
    estimated = password.translate(dict.fromkeys(map(ord, ignored)))[:MAX_ESTIMATED_LENGTH]
    result = zxcvbn(estimated, user_inputs=[each.lower() for each in known])
    repeats = any(match.get("dictionary_name") == "user_inputs" for match in result["sequence"])
    return Estimate(result["guesses"] < MIN_GUESSES, repeats)
