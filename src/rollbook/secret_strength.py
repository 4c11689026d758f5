"""Whether a secret of the settings is one: long, random, and not copied from a page."""

import re

SHORTEST = 32
"""Characters; for HS256 a key of at least 256 bits (RFC 7518 §3.2)."""
FEWEST_GUESSES = 25
"""Decimal digits of the guesses it has to take. 128 random bits in hex take 10^28 at least as zxcvbn estimates it."""
ESTIMATED = 72
"""Characters that zxcvbn looks at."""
EXAMPLE = re.compile(
    r"change.?me|example|insecure|your.?(jwt|secret|key|\d+)|secret.?key|super.?secret|at.?least.?\d+|secret.?secret"
    r"|this.?is|very.?long|jwt.?key"
    r"|password|123456789",
    re.IGNORECASE,
)
"""What is copied from a page and never changed."""
PUBLISHED = frozenset(
    {
        "a-string-secret-at-least-256-bits-long",  # jwt.io
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",  # FastAPI's tutorial
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",  # Flask's documentation
        "5f352379324c22463451387a0aec5d2f",  # Flask's tutorial
        "super-secret-jwt-token-with-at-least-32-characters-long",  # Supabase's self-hosting guide
    }
)
"""Keys of well-known pages, in lower case; whoever reads those can sign tokens with them."""


def find_fault(secret: str) -> str | None:
    """What is wrong with `secret`, and what to give instead; never the secret itself."""
    if not secret.isascii():
        return "only ASCII characters can be used; take those of `openssl rand -hex 32`"
    if any(key in secret.lower() for key in PUBLISHED) or EXAMPLE.search(secret) or _spells_text(secret):
        return "an example; make your own with `openssl rand -hex 32`"
    if len(secret) < SHORTEST:
        return f"too short; give {SHORTEST} characters or more of `openssl rand -hex 32`"
    if _guesses(secret) < FEWEST_GUESSES:
        return "easy to guess; make a random one with `openssl rand -hex 32`"
    return None


def _spells_text(secret: str) -> bool:
    """In hexadecimal, as the keys of many tutorials do. Of 16 random bytes, one in ten million spells some."""
    try:
        return bytes.fromhex(secret).decode("ascii").isprintable()
    except ValueError:
        return False


def _guesses(secret: str) -> float:
    """Decimal digits of how many an attacker needs who knows words, names, dates and rows of keys."""
    from zxcvbn import zxcvbn  # Its word lists take a tenth of a second to load.

    return float(zxcvbn(secret[:ESTIMATED])["guesses_log10"])
