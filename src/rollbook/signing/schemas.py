"""Public keys in responses."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from rollbook.kit.field_types import Timestamp
from rollbook.kit.schemas import Out

A_KEY = {
    "kty": "RSA",
    "use": "sig",
    "alg": "RS256",
    "kid": "rF6m2WgOlhuGg-8JybDl-3hMUw8aSHabHYaVjsUWRg4",
    "n": "ulMoskU6dvbMRoxYHeow3YsHdiGkJc79Ip-u-W5_NMow",
    "e": "AQAB",
}


class JwkOut(Out):
    """A public RSA key (RFC 7517, RFC 7518 §6.3.1)."""

    kty: Annotated[Literal["RSA"], Field(examples=["RSA"])]
    use: Annotated[Literal["sig"], Field(examples=["sig"])]
    alg: Annotated[Literal["RS256"], Field(examples=["RS256"])]
    kid: Annotated[str, Field(examples=[A_KEY["kid"]])]
    n: Annotated[str, Field(examples=[A_KEY["n"]])]
    e: Annotated[str, Field(examples=[A_KEY["e"]])]


class SigningKeyOut(Out):
    """A key of the ring. It is for the command line only, and has no secret."""

    kid: str
    state: Annotated[str, Field(validation_alias="slot"), BeforeValidator(lambda s: s or "retired")]
    created_at: Timestamp


class JwkSetOut(Out):
    """RFC 7517 §5. Empty with HS256."""

    keys: Annotated[list[JwkOut], Field(examples=[[A_KEY]])]
