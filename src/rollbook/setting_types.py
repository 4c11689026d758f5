"""The types of settings, and what to write instead of a wrong value."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from limits import parse_many
from pydantic import AfterValidator, SecretStr, StringConstraints
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from rollbook import secret_strength
from rollbook.mail_url import parse_mail_url, parse_mailbox

_CLAIM = (
    "(name|email|username|first_name|last_name|external_id|role|permissions"
    r"|(app_)?metadata(\.[^.,\s]+)*)"
)
_ORIGIN = re.compile(
    r"(https?)://(\*\.(?=[^.:]+\.[^.:]))?([a-z0-9-]+\.)*[a-z0-9-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?"
)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f]*(:[0-9a-f.]*){2,8}")
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
    from redis.connection import parse_url  # A tenth of the time that a command takes to start.

    try:
        parse_url(uri.get_secret_value())  # type: ignore[no-untyped-call] # redis has no types here
    except (ValueError, TypeError):
        raise ValueError(
            "not a Redis URL. Write redis://host:port/0, or rediss:// for TLS."
        ) from None
    return uri


def _validate_rate_limit(limit: str) -> str:
    """Validate that Flask-Limiter can read the limit, and that it allows something."""
    try:
        amounts = [each.amount for each in parse_many(limit)]
    except ValueError:
        amounts = [0]
    if min(amounts) < 1:
        raise ValueError("not a limit. Write 5/minute, or several: 30/second;500/minute.")
    return limit


def _validate_origins(origins: str) -> str:
    for origin in filter(None, map(str.strip, origins.split(","))):
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(
                "not a web origin. Write scheme, host and port, without a path: "
                "https://app.example.com, https://*.example.com or http://localhost:3000."
            )
    return origins


def _validate_hosts(hosts: str) -> str:
    if not all(_HOST.fullmatch(host) for host in filter(None, map(str.strip, hosts.split(",")))):
        raise ValueError(
            "not host names. Write them without scheme and port: users.example.com, 10.0.0.7."
        )
    return hosts


def _validate_secret(secret: SecretStr) -> SecretStr:
    if weakness := secret_strength.find_weakness(secret.get_secret_value()):
        raise ValueError(weakness)
    return secret


def _validate_clients(clients: SecretStr) -> SecretStr:
    pairs = [each.strip().partition(":") for each in clients.get_secret_value().split(",")]
    for name, colon, secret in pairs:
        if not colon or not re.fullmatch(r"[a-z0-9_-]{1,50}", name):
            raise ValueError("write name:secret, with a name of a-z 0-9 _ -.")
        if weakness := secret_strength.find_weakness(secret):
            raise ValueError(f"the secret of {name} is {weakness}")
    if len({name for name, *_ in pairs}) < len(pairs):
        raise ValueError("two clients have the same name.")
    return clients


def _validate_mail_url(url: SecretStr) -> SecretStr:
    try:
        parse_mail_url(url.get_secret_value())
    except ValueError as error:
        raise ValueError(str(error)) from None
    return url


def _validate_mail_address(address: str) -> str:
    try:
        parse_mailbox(address)
    except ValueError:
        raise ValueError(
            "not an address. Write users@example.com or Name <users@example.com>."
        ) from None
    return address


def _validate_languages(languages: str) -> str:
    listed = [each.strip() for each in languages.split(",")]
    if not all(_LANGUAGE.fullmatch(each) for each in listed):
        raise ValueError("not languages. Write tags of BCP 47, the default first: en,de,pt-br.")
    return ",".join(listed)


def _validate_public_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("not a URL. Write https://users.example.com, without a query.")
    return url.rstrip("/")


def _validate_link(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not a link. Write https://app.example.com/page#{token}.")
    if url.count("{token}") != 1:
        raise ValueError("needs {token} once, as in https://app.example.com/page#{token}.")
    return url


MongoUri = Annotated[SecretStr, AfterValidator(_validate_mongo_uri)]
RedisUri = Annotated[SecretStr, AfterValidator(_validate_redis_url)]
RateLimits = Annotated[str, AfterValidator(_validate_rate_limit)]
ClientSecrets = Annotated[SecretStr, AfterValidator(_validate_clients)]
Secret = Annotated[SecretStr, AfterValidator(_validate_secret)]
AppName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f-\x9f]{1,60}$")]
Issuer = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]
Audiences = Annotated[
    str, StringConstraints(pattern=r"^[!-+\--~]{1,200}(, *[!-+\--~]{1,200}){0,9}$")
]
ClaimNames = Annotated[
    str,
    StringConstraints(pattern=rf"^({_CLAIM}(, *{_CLAIM})*)?$"),
]
PathPrefix = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._~-]+)+$")]
BreachService = Annotated[str, StringConstraints(pattern=r"^(off|hibp|https?://[^\s?#]+/)$")]
CorsOrigins = Annotated[str, StringConstraints(to_lower=True), AfterValidator(_validate_origins)]
Hsts = Annotated[
    str, StringConstraints(pattern=r"^max-age=[0-9]{1,10}(; includeSubDomains(; preload)?)?$")
]
HostNames = Annotated[str, StringConstraints(to_lower=True), AfterValidator(_validate_hosts)]
MailUrl = Annotated[SecretStr, AfterValidator(_validate_mail_url)]
MailAddress = Annotated[
    str,
    StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,320}$"),
    AfterValidator(_validate_mail_address),
]
MailLanguages = Annotated[
    str, StringConstraints(to_lower=True), AfterValidator(_validate_languages)
]
PublicUrl = Annotated[
    str, StringConstraints(pattern=r"^[!-~]{1,2000}$"), AfterValidator(_validate_public_url)
]
LinkUrl = Annotated[
    str, StringConstraints(pattern=r"^[!-~]{1,2000}$"), AfterValidator(_validate_link)
]
