"""The web origins that CORS_ORIGINS lists (RFC 6454)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

SUBDOMAINS = r"([a-z0-9-]+\.)+"
"""What `*.` stands for: subdomains of any depth, but not the domain itself."""


@dataclass(frozen=True)
class AllowedOrigins:
    """The patterns of the origins. Without any, no origin is allowed."""

    patterns: tuple[re.Pattern[str], ...]

    @classmethod
    def parse(cls, text: str) -> "AllowedOrigins":
        """Parse CORS_ORIGINS: origins such as `https://*.example.com`, separated by commas."""
        origins = [origin.strip() for origin in text.split(",") if origin.strip()]
        escaped = [re.escape(origin).replace(r"\*\.", SUBDOMAINS) for origin in origins]
        return cls(tuple(re.compile(rf"{pattern}\Z") for pattern in escaped))

    def allow(self, origin: str | None) -> bool:
        return any(pattern.match(origin or "") for pattern in self.patterns)

    def build_headers(self, origin: str, exposed: Iterable[str]) -> dict[str, str]:
        """Build the headers of a response that the application did not make.

        With them, a page of an allowed origin may read it, and its headers `exposed`.
        """
        headers = {"Vary": "Origin"}
        if self.allow(origin):
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Allow-Credentials"] = "true"
            headers["Access-Control-Expose-Headers"] = ", ".join(sorted(exposed))
        return headers
