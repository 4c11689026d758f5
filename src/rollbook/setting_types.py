"""What the values of settings have to be, and what to write instead."""

from typing import Annotated

from limits import parse_many
from pydantic import AfterValidator, SecretStr, StringConstraints
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri
from redis.connection import parse_url

from rollbook import secret_strength

SRV = "mongodb+srv://"

Prefix = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._~-]+)+$")]


def _checked_uri(uri: SecretStr) -> SecretStr:
    """As PyMongo will read it. An SRV record is not asked for yet: DNS may be away as MongoDB may be."""
    text = uri.get_secret_value()
    try:
        parse_uri("mongodb://" + text.removeprefix(SRV) if text.startswith(SRV) else text, warn=False)
    except (PyMongoError, ValueError):
        raise ValueError(
            "not a MongoDB URI; write mongodb://host:port/?replicaSet=name, user and password percent-encoded, "
            "and check the names and values of its options"
        ) from None
    return uri


def _checked_redis(uri: SecretStr) -> SecretStr:
    try:
        parse_url(uri.get_secret_value())  # type: ignore[no-untyped-call] # redis has no types here
    except (ValueError, TypeError):
        raise ValueError("not a Redis URI; write redis://host:port/0, or rediss:// for TLS") from None
    return uri


def _checked_limit(limit: str) -> str:
    try:
        amounts = [each.amount for each in parse_many(limit)]
    except ValueError:
        amounts = []
    if not amounts or min(amounts) < 1:
        raise ValueError("not a limit; write 5/minute, or several as 30/second;500/minute")
    return limit


def _checked_secret(secret: SecretStr) -> SecretStr:
    if fault := secret_strength.find_fault(secret.get_secret_value()):
        raise ValueError(fault)
    return secret


MongoUri = Annotated[SecretStr, AfterValidator(_checked_uri)]
RedisUri = Annotated[SecretStr, AfterValidator(_checked_redis)]
Limits = Annotated[str, AfterValidator(_checked_limit)]
Breaches = Annotated[str, StringConstraints(pattern=r"^(off|hibp|https?://[^\s?#]+/)$")]
Hosts = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9._:-]+(, *[A-Za-z0-9._:-]+)*)?$", to_lower=True)]
Secret = Annotated[SecretStr, AfterValidator(_checked_secret)]
