"""How soon a password would be guessed by someone who knows words, names, dates, repeats and rows of keys."""

from collections.abc import Collection
from dataclasses import dataclass

from zxcvbn import zxcvbn

FEWEST_GUESSES = 1_000_000
"""What zxcvbn calls "very guessable" is below."""
ESTIMATED = 40
"""Characters that are looked at: the time it takes grows with their square."""
LEET = "@({[<!|$+%"
MOST_LEET = 2
"""Of those that stand for letters; each more of them doubles the time, so the others are left out of the estimate."""


@dataclass(frozen=True)
class Estimate:
    """`repeats_owner`: a part of it is what is known of its owner."""

    is_guessable: bool
    repeats_owner: bool


def estimate(password: str, known: Collection[str]) -> Estimate:
    """By zxcvbn (Wheeler, USENIX Security 2016). `known`: what an attacker knows of the owner and of the service.

    At most some 50 ms of processor time.
    """
    spare = [each for each in dict.fromkeys(password) if each in LEET][MOST_LEET:]
    looked_at = password.translate(dict.fromkeys(map(ord, spare)))[:ESTIMATED]
    result = zxcvbn(looked_at, user_inputs=[each.lower() for each in known])
    repeats = any(match.get("dictionary_name") == "user_inputs" for match in result["sequence"])
    return Estimate(result["guesses"] < FEWEST_GUESSES, repeats)
