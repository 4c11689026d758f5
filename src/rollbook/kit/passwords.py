"""How a password is kept: bcrypt, with a tag that names the scheme; and how many are worked on at once."""

import base64
import hashlib
import hmac
import os
import re
import sys
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from typing import ClassVar

from flask_bcrypt import Bcrypt

from rollbook.kit.errors import Unavailable

SCHEME = "hmac-sha256+bcrypt"
_CONTEXT = b"rollbook password v1"
_STORED = re.compile(re.escape(SCHEME) + r"\$2b\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
NICE = 10
"""A tenth of the processor where others want it too, and all of it where they do not."""
_NOBODYS = "abcdefghijklmnopqrstuu" + "." * 31
"""A salt and a hash that no password is known for."""


class TooBusy(Unavailable):
    code, message = "too_busy", "As many passwords are being worked on as can be at once. Try again in a second."
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


def normalized(password: str) -> str:
    """One form for the ways a keyboard may compose it: NFC, as RFC 8265 §4.2.2 (OpaqueString) asks."""
    return unicodedata.normalize("NFC", password)


class PasswordHasher:
    """bcrypt over an HMAC-SHA-256 of the password, so that all of it counts.

    bcrypt reads 72 bytes and stops at NUL. The HMAC is keyed with this purpose, not left bare: a bare SHA-256 found in
    another site's leak could be tried against our hashes as it is.
    """

    def __init__(self, rounds: int, *, at_once: int = 1, waiting: int = 0) -> None:
        """`rounds`: log2 of bcrypt's cost. `at_once`: turns in this process, each of which keeps a core busy.

        `waiting`: how many more may stand in line, each of which keeps a thread from all else.
        """
        self._rounds = rounds
        self._places = threading.BoundedSemaphore(at_once + waiting)
        self._shared = threading.BoundedSemaphore(max(1, at_once + waiting - 1))
        self._workers = ThreadPoolExecutor(at_once, "rollbook-hash", _give_way)

    @contextmanager
    def turn(self, *, sharing: bool = False) -> Iterator["Turn"]:
        """The right to work on passwords, which few have at a time, so that reads stay fast under a storm of sign-ins.

        `sharing`: leave a place to others, as who has no account yet does to those who have one.

        Raises: TooBusy, at once and before anything is done.
        """
        with _place(self._shared) if sharing else nullcontext(), _place(self._places):
            yield Turn(self._rounds, self._workers)


class Turn:
    """What one may do with passwords while it is one's turn. Each call takes some 200 ms at 12 rounds."""

    def __init__(self, rounds: int, workers: ThreadPoolExecutor) -> None:
        self._rounds = rounds
        self._workers = workers
        self._bcrypt = Bcrypt()

    def hash(self, password: str) -> str:
        """`<scheme>$<bcrypt>`, ASCII. Call it outside a transaction."""
        made = self._workers.submit(self._bcrypt.generate_password_hash, _digest(password), self._rounds)
        return f"{SCHEME}{made.result().decode('ascii')}"

    def verify(self, password: str, stored: str | None) -> bool:
        """Takes the time of the rounds that are asked for now, also for no hash, an unknown scheme, or fewer rounds.

        A hash of more rounds, from before the setting was lowered, takes its own.
        """
        digest = _digest(password)
        rounds = rounds_of(stored)
        if stored is None or rounds is None:
            self._check(f"$2b${self._rounds:02d}${_NOBODYS}", digest)
            return False
        verified = self._check(stored.removeprefix(SCHEME), digest)
        for missing in range(rounds, self._rounds):  # 2^r + 2^r + 2^(r+1) + ... + 2^(n-1) = 2^n
            self._check(f"$2b${missing:02d}${_NOBODYS}", digest)
        return verified

    def is_outdated(self, stored: str) -> bool:
        """Made with fewer rounds than are asked for now."""
        rounds = rounds_of(stored)
        return rounds is None or rounds < self._rounds

    def _check(self, bcrypt: str, digest: str) -> bool:
        return bool(self._workers.submit(self._bcrypt.check_password_hash, bcrypt, digest).result())


@contextmanager
def _place(places: threading.BoundedSemaphore) -> Iterator[None]:
    if not places.acquire(blocking=False):
        raise TooBusy()
    try:
        yield
    finally:
        places.release()


def _give_way() -> None:
    """A thread that hashes yields to those that answer: on Linux each has a priority of its own (sched(7))."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with suppress(OSError):  # It is a favour to others, not a need of ours.
            os.setpriority(os.PRIO_PROCESS, thread, max(NICE, os.getpriority(os.PRIO_PROCESS, thread)))


def rounds_of(stored: str | None) -> int | None:
    """None for what is no hash of ours."""
    match = _STORED.fullmatch(stored or "")
    return int(match[1]) if match else None


def _digest(password: str) -> str:
    """44 ASCII characters, within what bcrypt reads."""
    digest = hmac.digest(_CONTEXT, normalized(password).encode("utf-8"), hashlib.sha256)
    return base64.b64encode(digest).decode("ascii")
