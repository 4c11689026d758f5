"""Access tokens: JWTs that say who and which session, and nothing that may change meanwhile (RFC 9068, RFC 8725)."""

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
from rollbook.signing.ring import Keys, Signer

TYPE = "at+jwt"
LONGEST = 4096
LEEWAY_SECONDS = 5
"""By how much the clocks of two machines may differ; a token is never good longer for it."""
_FORM = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")

Id = Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")]
SessionId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class _Header(BaseModel):
    """All that may stand there: no key, no address of one, nothing critical, no compression."""

    model_config = ConfigDict(extra="forbid", strict=True)

    alg: str
    typ: Literal["at+jwt"]
    kid: Annotated[str, Field(max_length=64)] | None = None


class Claims(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    iss: Literal["rollbook"]
    aud: Literal["rollbook"]
    sub: Id
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

    def signer(self) -> Signer:
        """Raises: Unavailable."""
        return self.keys.signer()

    def issue(self, signer: Signer, *, user_id: str, session_id: str) -> str:
        """Nothing is read for it, so nothing can go wrong."""
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
        """Signature, algorithm, type, times and every claim. Raises: TokenExpired, InvalidToken."""
        header = self._header(token)
        key = self.keys.find(header.kid) if header.alg == self.keys.algorithm else None
        if key is None:
            raise InvalidToken()
        try:
            claims = Claims.model_validate(jwt.decode(token, key, algorithms=[self.keys.algorithm]).claims)
        except (JoseError, ValueError):
            raise InvalidToken() from None
        now = self.clock().timestamp()
        if max(claims.iat, claims.nbf) > now + LEEWAY_SECONDS:
            raise InvalidToken()
        if claims.exp <= now:
            raise TokenExpired()
        return claims

    def _header(self, token: str) -> _Header:
        """Read before anything is believed, by a parser that bears whatever comes."""
        if len(token) > LONGEST or not _FORM.fullmatch(token):
            raise InvalidToken()
        try:
            header, *_ = map(_decoded, token.split("."))
            return _Header.model_validate_json(header)
        except ValueError:
            raise InvalidToken() from None


def _decoded(part: str) -> bytes:
    """base64url (RFC 7515 §2) in its one spelling: else a token could be altered and stay good. Raises: ValueError."""
    raw = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if urlsafe_b64encode(raw).rstrip(b"=") != part.encode("ascii"):
        raise ValueError("not in its one spelling")
    return raw
