"""What the benchmark needs to know of a server."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import httpx
from pymongo.database import Database

from benchmarks.comparison.cases import Variant
from benchmarks.comparison.loads import Load

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Start:
    """How to start a server: its database, its port and its variant."""

    uri: str
    port: int
    variant: Variant


@dataclass(frozen=True)
class Site:
    """A started server with its database, which has the address `uri`."""

    api: httpx.Client
    database: Database[Any]
    uri: str


class Peer:
    """A product to measure. `cache` is a folder for its installation.

    `ready` is a path, and the status with which it is answered as soon as the server works. `notes`
    tell what a reader of the figures has to know. `costs` are the costs of bcrypt that can be set.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    notes: ClassVar[str]
    ready: ClassVar[tuple[str, int]]
    costs: ClassVar[frozenset[int]] = frozenset({4, 10, 12})
    can_limit: ClassVar[bool] = False
    stranger: Mapping[str, str]
    """The credentials of a user who must not read other users. Set by `seed`."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.stranger = {}

    def install(self) -> None:
        """Install into the cache, unless that was done before."""

    def get_versions(self) -> dict[str, str]:
        """Return the versions of the packages that matter, by name."""
        raise NotImplementedError

    def build_command(self) -> list[str]:
        """Build the command. `$PORT` in it becomes the port."""
        raise NotImplementedError

    def build_environment(self, start: Start) -> dict[str, str]:
        raise NotImplementedError

    def seed(self, site: Site) -> None:
        """Create the accounts through the API, and the users in the database."""
        raise NotImplementedError

    def build_loads(self, api: httpx.Client) -> dict[str, Load]:
        """Build what the peer can do, by the name of the load. Called after `seed`."""
        raise NotImplementedError

    def supports(self, variant: Variant) -> bool:
        return variant.cost in self.costs and (self.can_limit or not variant.limited)


def post(api: httpx.Client, path: str, body: object, headers: Mapping[str, str]) -> Any:
    """Send JSON. Returns the parsed response. Raises: AssertionError, when it is an error."""
    response = api.post(path, json=body, headers=dict(headers))
    assert response.is_success, (path, response.status_code, response.text)
    return response.json()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def add_etags(api: httpx.Client, load: Load) -> Load:
    """Build the same reads as conditional requests. Raises: AssertionError, without an ETag."""
    users = []
    for user, request in zip(load.users, load.render(), strict=True):
        etag = api.get(request.path, headers=dict(request.headers)).headers.get("ETag")
        assert etag, f"{request.path} has no ETag"
        users.append({**user, "etag": etag})
    headers = {**load.headers, "If-None-Match": "$etag"}
    return replace(load, headers=headers, users=users, status=304, emails=None)
