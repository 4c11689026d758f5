"""Ask Have I Been Pwned, or a mirror, whether a password is known from a breach.

The password is not sent: the range API gets the first five digits of its SHA-1 and returns every
hash that begins with them (k-anonymity). Padding hides how many there are.
"""

import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from rollbook.kit.turns import yield_turn

PREFIX_LENGTH = 5
TIMEOUT_SECONDS = 2.0
"""For the whole response. A slow third party must not keep anyone from choosing a password."""
MAX_ANSWER_BYTES = 2**20
logger = logging.getLogger(__name__)


class _NoRedirects(HTTPRedirectHandler):
    """A service that redirects could send requests of this machine anywhere (SSRF)."""

    def redirect_request(self, *_: Any) -> None: ...


_opener = build_opener(_NoRedirects)
_pool = ThreadPoolExecutor(4, "rollbook-breaches")
"""Outside of the request's thread, so that TIMEOUT_SECONDS also covers a slow DNS."""


@dataclass(frozen=True)
class BreachedPasswords:
    """`url` is the range API, with a trailing slash. None switches the check off."""

    url: str | None

    def contains(self, password: str) -> bool:
        """Return whether the password is known from a breach.

        Also False without a response in TIMEOUT_SECONDS, which is logged.
        """
        if self.url is None:
            return False
        encoded = password.encode("utf-8", "surrogatepass")
        digest = hashlib.sha1(encoded, usedforsecurity=False).hexdigest().upper()
        future = _pool.submit(self._fetch_suffixes, self.url + digest[:PREFIX_LENGTH])
        try:
            with yield_turn():
                suffixes = future.result(TIMEOUT_SECONDS)
        except (OSError, HTTPException, ValueError, TimeoutError) as error:
            future.cancel()
            logger.warning(
                "the breached-passwords service failed (%s); the password is accepted",
                type(error).__name__,
            )
            return False
        return digest[PREFIX_LENGTH:] in suffixes

    def _fetch_suffixes(self, url: str) -> set[str]:
        """Fetch the rest of each known hash. Padding has a count of 0."""
        headers = {"Add-Padding": "true", "User-Agent": "rollbook"}
        request = Request(url, headers=headers)  # noqa: S310 - http or https
        try:
            with _opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                text = response.read(MAX_ANSWER_BYTES).decode("ascii")
        except HTTPError as error:
            error.close()
            raise
        lines = (line.partition(":") for line in text.splitlines())
        return {suffix.upper() for suffix, _, count in lines if int(count)}
