"""Introspection and server metadata: requests and responses, in the form of their RFCs."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from rollbook.auth.schemas import AN_ACCESS_TOKEN
from rollbook.kit.schemas import Out, absent_if_null


class IntrospectIn(BaseModel):
    """A form (RFC 7662 §2.1). Other parameters are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)

    token: Annotated[str, Field(min_length=1, examples=[AN_ACCESS_TOKEN])]
    token_type_hint: Annotated[str, Field(max_length=100, examples=["access_token"])] = (
        "access_token"
    )


class IntrospectionOut(Out):
    """RFC 7662 §2.2. `scope` lists the permissions that the user has now."""

    active: Annotated[bool, Field(examples=[True])]
    token_type: Annotated[Literal["Bearer"] | None, absent_if_null(examples=["Bearer"])] = None
    scope: Annotated[str | None, absent_if_null(examples=["users:list users:read"])] = None
    sub: Annotated[str | None, absent_if_null(examples=["665f1c2ab8e4d90012a3b4c5"])] = None
    sid: Annotated[str | None, absent_if_null(description="the session")] = None
    role: Annotated[str | None, absent_if_null(examples=["moderator"])] = None
    iss: Annotated[str | None, absent_if_null(examples=["rollbook"])] = None
    aud: Annotated[list[str] | str | None, absent_if_null(examples=["rollbook"])] = None
    iat: Annotated[int | None, absent_if_null(examples=[1795180013])] = None
    nbf: Annotated[int | None, absent_if_null(examples=[1795180013])] = None
    exp: Annotated[int | None, absent_if_null(examples=[1795180913])] = None
    jti: Annotated[str | None, absent_if_null(examples=["q7Zk2m"])] = None


class ServerMetadataOut(Out):
    """RFC 8414 §2. There is no `jwks_uri` with HS256, whose key is secret."""

    issuer: Annotated[str, Field(examples=["https://users.example.com"])]
    jwks_uri: Annotated[
        str | None, absent_if_null(examples=["https://users.example.com/.well-known/jwks.json"])
    ] = None
    introspection_endpoint: Annotated[
        str, Field(examples=["https://users.example.com/oauth/introspect"])
    ]
    introspection_endpoint_auth_methods_supported: Annotated[
        list[str],
        Field(default_factory=lambda: ["client_secret_basic"], examples=[["client_secret_basic"]]),
    ]
    access_token_signing_alg_values_supported: Annotated[list[str], Field(examples=[["RS256"]])]
    response_types_supported: Annotated[
        list[str],
        Field(
            default_factory=list, description="none: users sign in at /auth/login", examples=[[]]
        ),
    ]
    grant_types_supported: Annotated[list[str], Field(default_factory=list, examples=[[]])]
