"""Token introspection (RFC 7662), and the metadata of the authorization server (RFC 8414)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import request
from flask_restful import Resource

from rollbook.access.guards import public, trusted_client
from rollbook.auth.authenticator import Authenticator
from rollbook.auth.introspection_schemas import IntrospectIn, IntrospectionOut, ServerMetadataOut
from rollbook.kit.errors import Unauthenticated, Unavailable
from rollbook.web.declarations import Reply
from rollbook.web.endpoints import Api, endpoint

INTROSPECT_PATH = "/oauth/introspect"
JWKS_PATH = "/.well-known/jwks.json"


@dataclass(frozen=True)
class Issuer:
    """What other services need to know. `has_keys`: the tokens have public keys."""

    name: str
    algorithm: str
    has_keys: bool

    def describe(self, base: str) -> dict[str, Any]:
        """Describe the server, with URLs under `base`, unless the issuer is a URL itself."""
        root = (self.name if "://" in self.name else base).rstrip("/")
        return {
            "issuer": self.name,
            "jwks_uri": f"{root}{JWKS_PATH}" if self.has_keys else None,
            "introspection_endpoint": f"{root}{INTROSPECT_PATH}",
            "access_token_signing_alg_values_supported": [self.algorithm],
        }


class ServerMetadata(Resource):
    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer

    @public
    @endpoint("read_server_metadata", "Metadata found.", returns=ServerMetadataOut, bare=True)
    def get(self) -> Reply:
        """Read where the public keys are, and how access tokens are signed (RFC 8414)."""
        description = self.issuer.describe(request.host_url)
        return Reply(description, cache_control="public, max-age=300")


class Introspection(Resource):
    def __init__(self, authenticate: Authenticator, require_ready: Callable[[], None]) -> None:
        self.authenticate = authenticate
        self.require_ready = require_ready

    @trusted_client
    @endpoint(
        "introspect",
        "Token introspected.",
        body=IntrospectIn,
        is_form=True,
        returns=IntrospectionOut,
        bare=True,
        errors=(Unavailable,),
    )
    def post(self, body: IntrospectIn) -> Reply:
        """Ask whether an access token is valid now, and what its user may do now (RFC 7662).

        Send the name and the secret of one of TRUSTED_CLIENTS by HTTP Basic. The response to every
        token that is not valid is `{"active": false}`.
        """
        self.require_ready()
        try:
            claims, caller = self.authenticate.introspect(body.token)
        except Unauthenticated:
            return Reply({"active": False})
        return Reply({"active": True, **claims, **caller})


def register(
    api: Api, issuer: Issuer, authenticate: Authenticator, require_ready: Callable[[], None]
) -> None:
    api.add_resource(
        ServerMetadata,
        "/.well-known/oauth-authorization-server",
        endpoint="server_metadata",
        resource_class_kwargs={"issuer": issuer},
    )
    api.add_resource(
        Introspection,
        INTROSPECT_PATH,
        endpoint="introspect",
        resource_class_kwargs={"authenticate": authenticate, "require_ready": require_ready},
    )
