"""The public keys, for anyone who wants to verify our access tokens."""

from collections.abc import Callable

from flask_restful import Resource

from rollbook.access.guards import public
from rollbook.kit.errors import Unavailable
from rollbook.signing.keys import Keys
from rollbook.signing.schemas import JwkSetOut
from rollbook.web.declarations import Reply
from rollbook.web.endpoints import Api, endpoint


class JwkSet(Resource):
    def __init__(self, keys: Keys, require_ready: Callable[[], None]) -> None:
        self.keys = keys
        self.require_ready = require_ready

    @public
    @endpoint("read_jwks", "Public keys.", returns=JwkSetOut, bare=True, errors=(Unavailable,))
    def get(self) -> Reply:
        """Read the public keys that verify access tokens, as a plain JWK Set.

        It includes the next key, and retired keys until their last token has expired.
        """
        self.require_ready()
        return Reply(self.keys.get_jwks(), cache_control="public, max-age=300")


def register(api: Api, keys: Keys, require_ready: Callable[[], None]) -> None:
    kwargs = {"keys": keys, "require_ready": require_ready}
    api.add_resource(
        JwkSet, "/.well-known/jwks.json", endpoint="jwks", resource_class_kwargs=kwargs
    )
