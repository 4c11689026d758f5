"""The types of settings, and what to write instead of a wrong value."""

from typing import Annotated

from limits import parse_many
from pydantic import AfterValidator, SecretStr, StringConstraints
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri
from redis.connection import parse_url

from rollbook import secret_strength

SRV_SCHEME = "mongodb+srv://"


def _validate_mongo_uri(uri: SecretStr) -> SecretStr:
    """Validate a URI with PyMongo's parser.

    An SRV record is not looked up, since DNS may be unavailable at the start.
    """
    text = uri.get_secret_value()
    if text.startswith(SRV_SCHEME):
        text = "mongodb://" + text.removeprefix(SRV_SCHEME)
    try:
        parse_uri(text, warn=False)
    except (PyMongoError, ValueError):
        raise ValueError(
            "not a MongoDB URI. Write mongodb://host:port/?replicaSet=name, with user and "
            "password percent-encoded, and check the names and values of its options."
        ) from None
    return uri


def _validate_redis_url(uri: SecretStr) -> SecretStr:
    try:
        parse_url(uri.get_secret_value())  # type: ignore[no-untyped-call] # redis has no types here
    except (ValueError, TypeError):
        raise ValueError(
            "not a Redis URL. Write redis://host:port/0, or rediss:// for TLS."
        ) from None
    return uri


def _validate_rate_limit(limit: str) -> str:
    try:
        amounts = [each.amount for each in parse_many(limit)]
    except ValueError:
        amounts = []
    if not amounts or min(amounts) < 1:
        raise ValueError("not a limit. Write 5/minute, or several: 30/second;500/minute.")
    return limit


def _validate_secret(secret: SecretStr) -> SecretStr:
    if weakness := secret_strength.find_weakness(secret.get_secret_value()):
        raise ValueError(weakness)
    return secret


MongoUri = Annotated[SecretStr, AfterValidator(_validate_mongo_uri)]
RedisUri = Annotated[SecretStr, AfterValidator(_validate_redis_url)]
RateLimits = Annotated[str, AfterValidator(_validate_rate_limit)]
Secret = Annotated[SecretStr, AfterValidator(_validate_secret)]
AppName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f-\x9f]{1,60}$")]
PathPrefix = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._~-]+)+$")]
BreachService = Annotated[str, StringConstraints(pattern=r"^(off|hibp|https?://[^\s?#]+/)$")]
HostNames = Annotated[
    str,
    StringConstraints(pattern=r"^([A-Za-z0-9._:-]+(, *[A-Za-z0-9._:-]+)*)?$", to_lower=True),
]
