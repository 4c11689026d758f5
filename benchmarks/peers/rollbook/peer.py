"""rollbook itself, from the sources of this checkout."""

import json
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import httpx
from pymongo.database import Database

import rollbook
from benchmarks.comparison.loads import Load
from benchmarks.comparison.seeding import (
    NEW_NAME,
    NEW_USER,
    PASSWORD,
    build_ids,
    build_samples,
    build_user,
    find_original,
    insert_copies,
)
from benchmarks.peers.peer import FOLDER, Peer, Site, Start, add_etags, bearer, post
from rollbook.access.principal import SYSTEM
from rollbook.database_parts import build_database
from rollbook.passwords.hash_gate import HashGate
from rollbook.services import build_services
from rollbook.settings import Settings
from rollbook.storage.transactions import in_transaction
from rollbook.users.dao import users
from rollbook.users.stored_fields import build_search_fields, build_stored_fields

SECRET_KEY = "8d1f0a6c94b27e35d8c0b1a2f3e4d5c6"
ADMIN = {"email": "root@house.org", "password": "an admin of many words"}
ACCOUNTS = ("plain", "moderator", "refresher")
SESSIONS = 48
"""Sessions that refresh: three for each connection, so that each token is used once."""
SETTINGS = {
    "AUTH_REQUIRED": "true",
    "SECRET_KEY": SECRET_KEY,
    "ADMIN_EMAIL": ADMIN["email"],
    "ADMIN_PASSWORD": ADMIN["password"],
    "ACCESS_TOKEN_EXPIRE_MINUTES": "1440",
    "WORKERS": "2",
    "LOG_LEVEL": "INFO",
}
LIMITS = {
    "RATELIMIT_ENABLED": "true",
    "RATELIMIT_DEFAULT": "100000/second",
    "RATELIMIT_READ": "10000000/hour",
}
"""The shipped configuration, with rates so high that no request is refused."""


class Rollbook(Peer):
    key = "rollbook"
    title = "rollbook"
    ready = ("/ready", 200)
    can_limit = True
    notes = (
        "It checks session, user and role of every request, in memory that follows MongoDB, writes"
        " a line of log for it, and writes the audit entry of a change in the transaction of the"
        " change. Its lists are sorted and have totals."
    )

    def get_versions(self) -> dict[str, str]:
        names = ("Flask", "MongoEngine", "PyMongo", "Pydantic", "gunicorn")
        return {"rollbook": rollbook.__version__} | {name: version(name) for name in names}

    def build_command(self) -> list[str]:
        return [sys.executable, "-m", "rollbook", "serve"]

    def build_environment(self, start: Start) -> dict[str, str]:
        limits = LIMITS if start.variant.limited else {"RATELIMIT_ENABLED": "false"}
        own = {
            "MONGODB_URI": start.uri,
            "MONGODB_DBNAME": get_database_name(start.uri),
            "PORT": str(start.port),
            "BCRYPT_ROUNDS": str(start.variant.cost),
            "PYTHONPATH": str(FOLDER.parents[1] / "src"),
        }
        return SETTINGS | limits | own

    def seed(self, site: Site) -> None:
        self._admin = bearer(sign_in(site.api, ADMIN)["access_token"])
        for name in ACCOUNTS:
            role = {"role": "moderator"} if name == "moderator" else {}
            account = {"name": name, **get_credentials(name)}
            post(site.api, "/api/users", account | role, self._admin)
        self._plain, self._moderator = (
            bearer(sign_in(site.api, get_credentials(name))["access_token"])
            for name in ("plain", "moderator")
        )
        self.stranger = self._plain
        self._insert_users(site.database)
        recount(site.uri)

    def _insert_users(self, database: Database[Any]) -> None:
        self._ids = build_ids()
        original = find_original(database.users, {"email": "plain@house.org"})
        with HashGate(10).enter() as hasher:
            original["password_hash"] = hasher.hash(PASSWORD)

        def get_differences(number: int) -> dict[str, Any]:
            user = build_user(number)
            stored = build_stored_fields(user) | build_search_fields(None, user)
            return {"_id": self._ids[number], **stored}

        insert_copies(database.users, original, get_differences)

    def build_loads(self, api: httpx.Client) -> dict[str, Load]:
        read, changed = build_samples(self._ids)
        reads = Load("GET", "/api/users/$id", self._admin, users=read, emails=1)
        login = json.dumps({"email": "$email", "password": PASSWORD})
        return {
            "read": reads,
            "not-modified": add_etags(api, reads),
            "me": Load("GET", "/api/users/me", self._plain, emails=1),
            "list-20": Load("GET", "/api/users?page_size=20", self._admin, emails=20),
            "list-100": Load("GET", "/api/users?page_size=100", self._admin, emails=100),
            "create": Load("POST", "/api/users", self._admin, body=NEW_USER, status=201),
            "update": Load("PATCH", "/api/users/$id", self._admin, body=NEW_NAME, users=changed),
            "sign-in": Load("POST", "/api/auth/login", body=login, users=read),
            "refresh": Load(
                method="POST",
                path="/api/auth/refresh",
                body=json.dumps({"refresh_token": "$TOKEN"}),
                sign_in=lambda: start_sessions(api),
            ),
            "read-limited": Load("GET", "/api/users/$id", self._moderator, users=read, emails=1),
        }


def sign_in(api: httpx.Client, credentials: Mapping[str, str]) -> Any:
    return post(api, "/api/auth/login", credentials, {})["data"]


def get_credentials(name: str) -> dict[str, str]:
    return {"email": f"{name}@house.org", "password": PASSWORD}


def start_sessions(api: httpx.Client) -> list[str]:
    """Sign in SESSIONS times. Returns the refresh tokens."""
    return [sign_in(api, get_credentials("refresher"))["refresh_token"] for _ in range(SESSIONS)]


def get_database_name(uri: str) -> str:
    return uri.rpartition("/")[2].partition("?")[0]


def recount(uri: str) -> None:
    """Count the users again, for the totals of the lists. Changes through the API do it too."""
    settings = Settings(
        _env_file=None,
        mongodb_uri=uri,
        mongodb_dbname=get_database_name(uri),
        secret_key=SECRET_KEY,
    )
    database = build_database(settings, build_services(settings).prepare)
    database.prepare()
    in_transaction(users.recount, actor=SYSTEM, seconds=50)
    database.close()
