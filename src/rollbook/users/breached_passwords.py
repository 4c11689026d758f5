"""Whether a password is known from a breach: asked of Have I Been Pwned, or of a mirror, without telling the password.

The range API takes the first five digits of the SHA-1 and answers with all that begin so (k-anonymity); padding hides
how many there are.
"""

import hashlib
import logging
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from urllib.error import HTTPError

PREFIX = 5
SECONDS = 2.0
"""For all of an answer; a password is not refused because somebody else's service is slow."""
LONGEST_ANSWER = 2**20
logger = logging.getLogger(__name__)
_asking = ThreadPoolExecutor(4, "rollbook-breaches")
"""Beside the request, which waits no longer than SECONDS, whatever DNS or the other side does."""


@dataclass(frozen=True)
class BreachedPasswords:
    """`url`: where ranges are asked for, with a slash at its end; None asks nobody."""

    url: str | None

    def has(self, password: str) -> bool:
        """False, too, when there is no answer within SECONDS: that is logged, and nobody is kept from signing up."""
        if self.url is None:
            return False
        digest = hashlib.sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest().upper()
        asked = _asking.submit(self._suffixes, self.url + digest[:PREFIX])
        try:
            found = asked.result(SECONDS)
        except (OSError, HTTPException, ValueError, TimeoutError) as error:
            asked.cancel()
            logger.warning("breached passwords cannot be asked for (%s); the password is taken", type(error).__name__)
            return False
        return digest[PREFIX:] in found

    def _suffixes(self, url: str) -> set[str]:
        """Of the hashes that occur; padding occurs 0 times."""
        headers = {"Add-Padding": "true", "User-Agent": "rollbook"}
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 - a setting says http or https
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - as above
                text = answer.read(LONGEST_ANSWER).decode("ascii")
        except HTTPError as error:
            error.close()
            raise
        lines = (line.partition(":") for line in text.splitlines())
        return {suffix.upper() for suffix, _, count in lines if int(count)}
