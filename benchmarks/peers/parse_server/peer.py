"""Parse Server on Express and Node.js."""

import json
from typing import Any

import httpx

from benchmarks.comparison.cases import Variant
from benchmarks.comparison.installing import get_node_versions, install_node
from benchmarks.comparison.loads import Load
from benchmarks.comparison.seeding import (
    NEW_NAME,
    PASSWORD,
    USERS,
    build_samples,
    build_user,
    find_original,
    hash_password,
    insert_copies,
)
from benchmarks.peers.peer import FOLDER, Peer, Site, Start, add_etags, post

SOURCES = FOLDER / "parse_server"
APP = {"X-Parse-Application-Id": "benchmark"}
MASTER = APP | {"X-Parse-Master-Key": "the master key of the benchmark"}
ROLE = "role:admin"
IDS = [f"user{number:06}" for number in range(USERS)]
"""Ten characters each, as Parse Server generates them."""
VERSIONS = ("parse-server", "express", "mongodb", "@node-rs/bcrypt")


class ParseServer(Peer):
    key = "parse_server"
    title = "Parse Server"
    ready = ("/parse/health", 200)
    costs = frozenset({10})
    can_limit = True
    notes = (
        "The reader has a session and a role that the ACL of every user names. Sessions and roles"
        " are kept in memory for 5 seconds, so a revoked session works a little longer. The cost of"
        " bcrypt is fixed at 10."
    )

    def install(self) -> None:
        install_node(SOURCES / "package.json", self.cache)

    def get_versions(self) -> dict[str, str]:
        return get_node_versions(self.cache, VERSIONS)

    def build_command(self) -> list[str]:
        return ["node", str(self.cache / "server.js")]

    def build_environment(self, start: Start) -> dict[str, str]:
        limits = {"LIMITED": "1"} if start.variant.limited else {}
        own = {"MONGODB_URI": start.uri, "PORT": str(start.port), "NODE_ENV": "production"}
        return own | limits

    def supports(self, variant: Variant) -> bool:
        """Return whether it can do a case without a hash, or with its own cost of bcrypt."""
        return variant.cost != 12

    def seed(self, site: Site) -> None:
        accounts = [sign_up(site.api, name) for name in ("root", "plain")]
        self._root, self._plain = (
            {"X-Parse-Session-Token": account["sessionToken"]} for account in accounts
        )
        self.stranger = self._plain
        member = {"__type": "Pointer", "className": "_User", "objectId": accounts[0]["objectId"]}
        members = {"__op": "AddRelation", "objects": [member]}
        role = {"name": "admin", "ACL": {"*": {"read": True}}, "users": members}
        post(site.api, "/parse/roles", role, MASTER)
        collection = site.database["_User"]
        original = find_original(collection, {"username": "plain"})
        original["_hashed_password"] = hash_password(10)
        insert_copies(collection, original, get_differences)

    def build_loads(self, api: httpx.Client) -> dict[str, Load]:
        read, changed = build_samples(IDS)
        reads = Load("GET", "/parse/users/$id", self._root, APP, users=read, emails=1)
        login = json.dumps({"username": "$email", "password": PASSWORD})
        return {
            "read": reads,
            "not-modified": add_etags(api, reads),
            "me": Load("GET", "/parse/users/me", self._plain, APP, emails=1),
            "list-20": Load("GET", "/parse/users?limit=20", self._root, APP, emails=20),
            "list-100": Load("GET", "/parse/users?limit=100", self._root, APP, emails=100),
            "update": Load("PUT", "/parse/users/$id", self._root, APP, NEW_NAME, changed),
            "sign-in": Load("POST", "/parse/login", headers=APP, body=login, users=read),
            "read-limited": reads,
        }


def get_differences(number: int) -> dict[str, Any]:
    """Return what makes a user of its own: the id, the names, and the rights of user and admins."""
    own, user = IDS[number], build_user(number)
    readers, rights = [own, ROLE], {"r": True, "w": True}
    acl = {"_acl": dict.fromkeys(readers, rights), "_rperm": readers, "_wperm": readers}
    return {"_id": own, "username": user["email"], **user, **acl}


def sign_up(api: httpx.Client, name: str) -> Any:
    account = {"username": name, "name": name, "email": f"{name}@house.org", "password": PASSWORD}
    return post(api, "/parse/users", account, APP)
