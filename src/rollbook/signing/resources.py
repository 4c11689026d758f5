"""The public keys, for whoever wants to verify our access tokens."""

from collections.abc import Callable

from flask_restful import Resource

from rollbook.access.guards import public
from rollbook.kit.declarations import Reply
from rollbook.kit.errors import Unavailable
from rollbook.kit.http import Api, endpoint
from rollbook.signing.ring import Keys
from rollbook.signing.schemas import JwkSetOut


class JwkSet(Resource):
    def __init__(self, keys: Keys, require_ready: Callable[[], None]) -> None:
        self.keys = keys
        self.require_ready = require_ready

    @public
    @endpoint("read_jwks", "Public keys.", returns=JwkSetOut, bare=True, errors=(Unavailable,))
    def get(self) -> Reply:
        """Read the public keys that verify access tokens, as a plain JWK Set.

        The key that will sign next is among them, and those that signed until a while ago.
        """
        self.require_ready()
        return Reply(self.keys.jwks(), cache_control="public, max-age=300")


def register(api: Api, keys: Keys, require_ready: Callable[[], None]) -> None:
    handed = {"keys": keys, "require_ready": require_ready}
    api.add_resource(JwkSet, "/.well-known/jwks.json", endpoint="jwks", resource_class_kwargs=handed)
