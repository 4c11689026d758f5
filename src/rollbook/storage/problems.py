"""What keeps MongoDB from being used, in words for the operator."""

from typing import Any

from pymongo.errors import OperationFailure, PyMongoError

from rollbook.kit.errors import Detail, NotReady
from rollbook.storage.driver_errors import DatabaseError

REFUSALS = {
    13: "MONGODB_URI has no user, or one without the roles that docs/running.md lists.",
    18: "MongoDB refuses the credentials in MONGODB_URI.",
}
"""What to say of MongoDB's codes Unauthorized and AuthenticationFailed."""
STANDALONE = (
    "MongoDB is a standalone server. A change and its audit entry need a replica set to commit "
    "together. To make it one: (1) restart it as `mongod --replSet rs0 ...`, (2) run `mongosh "
    "--eval 'rs.initiate()'`. Or set ALLOW_STANDALONE=true to do without transactions."
)
NO_TRANSACTIONS = (
    "ALLOW_STANDALONE=true, and MongoDB is no replica set: changes are written WITHOUT "
    "transactions."
)
UNREACHABLE = Detail(
    "mongodb",
    "unreachable",
    "MongoDB does not answer. Check that it runs, and that MONGODB_URI is right.",
)


def describe_error(error: Exception, client: Any) -> Detail:
    """Describe an error for the operator.

    PyMongo's own messages are not used: they may hold addresses, credentials or values.

    `client` is the MongoClient, or None before the first connection.
    """
    if isinstance(error, NotReady):
        return error.details[0]
    if isinstance(error, DatabaseError):
        return Detail("mongodb", "refused", f"MongoDB refused: {error}.")
    if not isinstance(error, PyMongoError):
        return UNREACHABLE
    servers = (
        client.topology_description.server_descriptions().values() if client is not None else ()
    )
    refusals = map(_find_refusal, [error, *(server.error for server in servers)])
    if refusal := next(filter(None, refusals), None):
        return Detail("mongodb", "refused", refusal)
    if isinstance(error, OperationFailure):
        name = (error.details or {}).get("codeName", "an error")
        message = f"MongoDB answers {name} when rollbook reads the schema."
        return Detail("mongodb", "refused", message)
    return UNREACHABLE


def _find_refusal(error: Exception | None) -> str | None:
    return REFUSALS.get(error.code or 0) if isinstance(error, OperationFailure) else None
