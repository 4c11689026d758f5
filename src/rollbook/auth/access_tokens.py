"""Access tokens: JWTs that name a user and a session, and nothing that may change (RFC 9068).

RFC 8725 lists the checks.
"""

import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from joserfc import jwt
from joserfc.errors import JoseError
from pydantic import BaseModel, ConfigDict, Field

from rollbook.auth.errors import InvalidToken, TokenExpired
from rollbook.kit.clock import Clock
from rollbook.signing.keys import Keys, Signer

TYPE = "at+jwt"
MAX_LENGTH = 4096
LEEWAY_SECONDS = 5
"""How much the clocks of two machines may differ. It does not extend the life of a token."""
_COMPACT = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")

UserId = Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")]
SessionId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class _Header(BaseModel):
    """An allow-list: no key, no URL of a key, no critical extension, no compression."""

    model_config = ConfigDict(extra="forbid", strict=True)

    alg: str
    typ: Literal["at+jwt"]
    kid: Annotated[str, Field(max_length=64)] | None = None


class Claims(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    iss: Literal["rollbook"]
    aud: Literal["rollbook"]
    sub: UserId
    sid: SessionId
    iat: int
    nbf: int
    exp: int
    jti: str


@dataclass(frozen=True)
class AccessTokens:
    clock: Clock
    keys: Keys
    lifetime: timedelta

    def get_signer(self) -> Signer:
        """Return the key that signs tokens. Raises: Unavailable."""
        return self.keys.get_signer()

    def issue(self, signer: Signer, *, user_id: str, session_id: str) -> str:
        """Issue a token. It reads nothing, so it cannot fail after a transaction has committed."""
        now = int(self.clock().timestamp())
        claims = Claims(
            iss="rollbook",
            aud="rollbook",
            sub=user_id,
            sid=session_id,
            iat=now,
            nbf=now,
            exp=now + int(self.lifetime.total_seconds()),
            jti=secrets.token_urlsafe(16),
        )
        header = {**signer.header, "typ": TYPE}
        return jwt.encode(header, claims.model_dump(), signer.key, algorithms=[self.keys.algorithm])

    def verify(self, token: str) -> Claims:
        """Check the signature, the algorithm, the type, the times and every claim.

        Raises: TokenExpired, InvalidToken.
        """
        header = _parse_header(token)
        has_algorithm = header.alg == self.keys.algorithm
        key = self.keys.find_key(header.kid) if has_algorithm else None
        if key is None:
            raise InvalidToken()
        try:
            decoded = jwt.decode(token, key, algorithms=[self.keys.algorithm])
            claims = Claims.model_validate(decoded.claims)
        except (JoseError, ValueError):
            raise InvalidToken() from None
        now = self.clock().timestamp()
        if max(claims.iat, claims.nbf) > now + LEEWAY_SECONDS:
            raise InvalidToken()
        if claims.exp <= now:
            raise TokenExpired()
        return claims


def _parse_header(token: str) -> _Header:
    """Parse the header of a token.

    The signature is not checked yet, so the parser must accept any input.

    Raises: InvalidToken.
    """
    if len(token) > MAX_LENGTH or not _COMPACT.fullmatch(token):
        raise InvalidToken()
    try:
        header, *_ = map(_decode_base64url, token.split("."))
        return _Header.model_validate_json(header)
    except ValueError:
        raise InvalidToken() from None


def _decode_base64url(part: str) -> bytes:
    """Decode base64url (RFC 7515 §2).

    Only the canonical spelling is accepted: otherwise an altered token could stay valid.

    Raises: ValueError.
    """
    raw = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if urlsafe_b64encode(raw).rstrip(b"=") != part.encode("ascii"):
        raise ValueError("not the canonical spelling")
    return raw
