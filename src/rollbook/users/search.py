"""The words by which `q` finds a user, as they are stored and indexed.

A word of `q` matches every stored word that begins with it. All words of `q` have to match. Many
users may have each of two words and only a few both, so pairs of words are stored too, by their
first letters: an index on them finds those few.
"""

import re
from collections.abc import Iterable
from itertools import combinations

from email_validator import EmailNotValidError, validate_email

from rollbook.kit.text import fold
from rollbook.users.references import find_email_key

MAX_WORDS = 20
"""Of one user. The words of a longer name, beyond these, are not found."""
MAX_SEARCHED_WORDS = 10
PAIR_LETTERS = 3
SEARCHED_FIELDS = ("name", "first_name", "last_name", "username", "email")

_PARTS = re.compile(r"\w+")


def list_words(texts: Iterable[str | None], email: str) -> list[str]:
    """List the words of names and of an address, folded.

    `Jean-Luc` has the words `jean-luc`, `jean` and `luc`. An address is one word, and so is its
    domain.
    """
    words = dict.fromkeys([find_email_key(email) or fold(email), *_list_domains(email)])
    for text in texts:
        for word in fold(text or "").split():
            words |= dict.fromkeys([word, *_PARTS.findall(word)])
    return list(words)[:MAX_WORDS]


def list_pairs(words: Iterable[str]) -> list[str]:
    """List the pairs of words that are long enough, by their first letters."""
    starts = [word[:PAIR_LETTERS] for word in words if len(word) >= PAIR_LETTERS]
    return sorted({_build_pair(*pair) for pair in combinations(starts, 2)})


def parse_words(text: str) -> list[str]:
    """Parse `q` into its words, the longest first.

    A part of a domain is compared in its ASCII form, since it is not known how it would go on.
    """
    words = [find_email_key(word) or fold(word).removeprefix("@") for word in text.split()]
    return sorted(filter(None, dict.fromkeys(words)), key=len, reverse=True)


def find_pair(words: list[str]) -> str | None:
    """Return the pair that a user with these words must have.

    None when the words are too short, or one stored word may match both.
    """
    for one, other in combinations([word for word in words if len(word) >= PAIR_LETTERS], 2):
        if not one.startswith(other) and not other.startswith(one):
            return _build_pair(one[:PAIR_LETTERS], other[:PAIR_LETTERS])
    return None


def _list_domains(email: str) -> list[str]:
    try:
        parts = validate_email(email, check_deliverability=False)
    except EmailNotValidError:
        return []
    return [parts.ascii_domain.lower(), fold(parts.domain)]


def _build_pair(*starts: str) -> str:
    return " ".join(sorted(starts))
