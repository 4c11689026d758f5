"""Access tokens: JWTs that name a user and a session (RFC 9068). RFC 8725 lists the checks.

They hold nothing that may change, unless TOKEN_CLAIMS asks for it; and the API reads none of that.
"""

import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Annotated, Any, Literal

from joserfc import jwt
from joserfc.errors import JoseError
from pydantic import BaseModel, ConfigDict, Field

from rollbook.auth.errors import InvalidToken, TokenExpired
from rollbook.kit.clock import Clock
from rollbook.signing.keys import Keys, Signer

TYPE = "at+jwt"
MAX_LENGTH = 8192
MAX_VERIFIED = 5_000
"""Tokens that a process remembers: about 2 kB each."""
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
    """Those about the user are only for other services: see `rollbook.auth.token_claims`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    iss: str
    aud: str | list[str]
    sub: UserId
    sid: SessionId
    iat: int
    nbf: int
    exp: int
    jti: str
    name: Any = None
    email: Any = None
    username: Any = None
    first_name: Any = None
    last_name: Any = None
    external_id: Any = None
    role: Any = None
    permissions: Any = None
    metadata: Any = None
    app_metadata: Any = None

    @property
    def audiences(self) -> set[str]:
        return {self.aud} if isinstance(self.aud, str) else set(self.aud)


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token whose signature `key` has verified."""

    kid: str | None
    key: Any
    claims: Claims


@dataclass(frozen=True)
class AccessTokens:
    """`audiences` are in every token, and a token for any other is refused."""

    clock: Clock
    keys: Keys
    lifetime: timedelta
    issuer: str = "rollbook"
    audiences: tuple[str, ...] = ("rollbook",)
    verified: dict[bytes, _Verified] = field(default_factory=dict, compare=False, repr=False)
    """Tokens that were verified, by their SHA-256 hash, so that no token is kept in memory."""

    def get_signer(self) -> Signer:
        """Return the key that signs tokens. Raises: Unavailable."""
        return self.keys.get_signer()

    def issue(
        self, signer: Signer, *, user_id: str, session_id: str, about: Mapping[str, Any]
    ) -> str:
        """Issue a token, with the claims `about` the user.

        It reads nothing, so it cannot fail after a transaction has committed.
        """
        now = int(self.clock().timestamp())
        claims = Claims(
            iss=self.issuer,
            aud=self.audiences[0] if len(self.audiences) == 1 else list(self.audiences),
            sub=user_id,
            sid=session_id,
            iat=now,
            nbf=now,
            exp=now + int(self.lifetime.total_seconds()),
            jti=secrets.token_urlsafe(16),
            **about,
        )
        header = {**signer.header, "typ": TYPE}
        return jwt.encode(
            header,
            claims.model_dump(exclude_none=True),
            signer.key,
            algorithms=[self.keys.algorithm],
        )

    def verify(self, token: str) -> Claims:
        """Check the signature, the algorithm, the type, the times and every claim.

        What a token says does not change, so it is parsed once; its key and its times are checked
        at every use. Raises: TokenExpired, InvalidToken.
        """
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self.verified.get(digest)
        if known is None or self.keys.find_key(known.kid) is not known.key:
            known = self._verify_signature(token)
            if len(self.verified) >= MAX_VERIFIED:
                self.verified.clear()
            self.verified[digest] = known
        claims, now = known.claims, self.clock().timestamp()
        if max(claims.iat, claims.nbf) > now + LEEWAY_SECONDS:
            raise InvalidToken()
        if claims.exp <= now:
            raise TokenExpired()
        return claims

    def _verify_signature(self, token: str) -> _Verified:
        """Check everything but the times. Raises: InvalidToken."""
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
        is_ours = claims.iss == self.issuer and claims.audiences <= set(self.audiences)
        if not is_ours or not claims.audiences:
            raise InvalidToken()
        return _Verified(header.kid, key, claims)


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
