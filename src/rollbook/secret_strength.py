"""The strength of a secret in the settings: long, random, and not copied from a page."""

import re

MIN_LENGTH = 32
"""In characters. HS256 needs a key of at least 256 bits (RFC 7518 §3.2)."""
MIN_GUESSES_LOG10 = 25
"""zxcvbn estimates at least 10^28 guesses for 128 random bits in hex."""
MAX_ESTIMATED_LENGTH = 72
"""zxcvbn refuses longer texts."""
EXAMPLE_PATTERN = re.compile(
    r"change.?me|example|insecure|your.?(jwt|secret|key|\d+)|secret.?key|super.?secret"
    r"|at.?least.?\d+|secret.?secret|this.?is|very.?long|jwt.?key|password|123456789",
    re.IGNORECASE,
)
"""Placeholders that people copy and never replace."""
PUBLISHED_KEYS = frozenset(
    {
        "a-string-secret-at-least-256-bits-long",  # jwt.io
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",  # FastAPI's tutorial
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",  # Flask's documentation
        "5f352379324c22463451387a0aec5d2f",  # Flask's tutorial
        "super-secret-jwt-token-with-at-least-32-characters-long",  # Supabase's self-hosting guide
    }
)
"""Keys on well-known pages, in lower case. Everyone can sign tokens with them."""


def find_weakness(secret: str) -> str | None:
    """Describe the weakness and what to use instead, without the secret. None for a good secret."""
    if not secret.isascii():
        return "not ASCII. Generate one with `openssl rand -hex 32`."
    is_published = any(key in secret.lower() for key in PUBLISHED_KEYS)
    if is_published or EXAMPLE_PATTERN.search(secret) or _is_hex_encoded_text(secret):
        return "an example. Generate your own with `openssl rand -hex 32`."
    if len(secret) < MIN_LENGTH:
        return f"shorter than {MIN_LENGTH} characters. Generate one with `openssl rand -hex 32`."
    if _estimate_guesses(secret) < MIN_GUESSES_LOG10:
        return "easy to guess. Generate a random one with `openssl rand -hex 32`."
    return None


def _is_hex_encoded_text(secret: str) -> bool:
    """Detect text in hex, as in many tutorials.

    One in ten million keys of 16 random bytes matches by chance.
    """
    try:
        return bytes.fromhex(secret).decode("ascii").isprintable()
    except ValueError:
        return False


def _estimate_guesses(secret: str) -> float:
    """Estimate the log10 of the guesses that an attacker needs.

    The attacker knows words, names, dates and keyboard patterns.
    """
    from zxcvbn import zxcvbn  # Loading its word lists takes a tenth of a second.

    return float(zxcvbn(secret[:MAX_ESTIMATED_LENGTH])["guesses_log10"])
