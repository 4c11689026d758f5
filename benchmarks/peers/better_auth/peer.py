"""better-auth on Node.js."""

import json
from typing import Any

import httpx
from bson import ObjectId
from pymongo.database import Database

from benchmarks.comparison.installing import get_node_versions, install_node
from benchmarks.comparison.loads import Load
from benchmarks.comparison.seeding import (
    NEW_USER,
    PASSWORD,
    build_ids,
    build_samples,
    build_user,
    find_original,
    hash_password,
    insert_copies,
)
from benchmarks.peers.peer import FOLDER, Peer, Site, Start

SOURCES = FOLDER / "better_auth"
PREFIX = "/api/auth"
CLIENT = {"X-Forwarded-For": "203.0.113.9"}
"""Limits are counted by the address that a proxy names."""


class BetterAuth(Peer):
    key = "better_auth"
    title = "better-auth"
    ready = (f"{PREFIX}/ok", 200)
    can_limit = True
    notes = (
        "The reader has a session in a cookie and the role `admin` of its admin plugin. The cache"
        " of sessions in cookies is off, as by default. Its lists have totals. It leaves indexes to"
        " its users; these are ones for the fields that it queries."
    )

    def install(self) -> None:
        install_node(SOURCES / "package.json", self.cache)

    def get_versions(self) -> dict[str, str]:
        return get_node_versions(self.cache, ("better-auth", "mongodb", "@node-rs/bcrypt"))

    def build_command(self) -> list[str]:
        return ["node", str(self.cache / "server.js")]

    def build_environment(self, start: Start) -> dict[str, str]:
        limits = {"LIMITED": "1"} if start.variant.limited else {}
        own = {"MONGODB_URI": start.uri, "PORT": str(start.port), "NODE_ENV": "production"}
        return own | limits | {"BCRYPT_ROUNDS": str(start.variant.cost)}

    def seed(self, site: Site) -> None:
        self._root, self._plain = (sign_up(site.api, name) for name in ("root", "plain"))
        self.stranger = self._plain
        site.database.user.update_one({"email": "root@house.org"}, {"$set": {"role": "admin"}})
        self._ids = build_ids()
        self._insert_users(site.database)

    def _insert_users(self, database: Database[Any]) -> None:
        """Insert users and, in a collection of their own, their passwords."""
        user = find_original(database.user, {"email": "plain@house.org"})
        account = find_original(database.account, {"userId": user["_id"]})
        account["password"] = hash_password(10)
        kind = type(account["accountId"])
        insert_copies(database.user, user, lambda n: {"_id": self._ids[n], **build_user(n)})
        insert_copies(
            database.account,
            account,
            lambda n: {
                "_id": ObjectId(),
                "userId": self._ids[n],
                "accountId": kind(self._ids[n]),
            },
        )

    def build_loads(self, api: httpx.Client) -> dict[str, Load]:
        read, changed = build_samples(self._ids)
        origin = {"Origin": str(api.base_url).rstrip("/")}
        get, lists = f"{PREFIX}/admin/get-user?id=$id", f"{PREFIX}/admin/list-users?limit="
        create, update = f"{PREFIX}/admin/create-user", f"{PREFIX}/admin/update-user"
        change = json.dumps({"userId": "$id", "data": {"name": "User $NUMBER"}})
        login = json.dumps({"email": "$email", "password": PASSWORD})
        return {
            "read": Load("GET", get, self._root, users=read, emails=1),
            "me": Load("GET", f"{PREFIX}/get-session", self._plain, emails=1),
            "list-20": Load("GET", f"{lists}20", self._root, emails=20),
            "list-100": Load("GET", f"{lists}100", self._root, emails=100),
            "create": Load("POST", create, self._root, origin, NEW_USER),
            "update": Load("POST", update, self._root, origin, change, changed),
            "sign-in": Load("POST", f"{PREFIX}/sign-in/email", {}, origin, login, read),
            "read-limited": Load("GET", get, self._root, CLIENT, users=read, emails=1),
        }


def sign_up(api: httpx.Client, name: str) -> dict[str, str]:
    """Create an account. Returns the header with the cookie of its session."""
    account = {"name": name, "email": f"{name}@house.org", "password": PASSWORD}
    response = api.post(f"{PREFIX}/sign-up/email", json=account)
    assert response.is_success, response.text
    cookies = "; ".join(f"{name}={value}" for name, value in response.cookies.items())
    api.cookies.clear()
    return {"Cookie": cookies}
