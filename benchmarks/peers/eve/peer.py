"""Eve on gunicorn."""

from typing import Any

import httpx

from benchmarks.comparison.installing import get_python_versions, install_python
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

SOURCES = FOLDER / "eve"


class Eve(Peer):
    key = "eve"
    title = "Eve"
    ready = ("/users", 401)
    notes = (
        "Its callers have a fixed token and roles. There is no sign-in and no `me`, and its limits"
        " need Redis. A hook of ours hashes the password of a new user. Its lists have totals."
    )

    def install(self) -> None:
        install_python(SOURCES / "requirements.txt", self.cache)

    def get_versions(self) -> dict[str, str]:
        return get_python_versions(self.cache, ("Eve", "Flask", "PyMongo", "gunicorn", "bcrypt"))

    def build_command(self) -> list[str]:
        command = [str(self.cache / "bin" / "python"), "-m", "gunicorn"]
        command += ["--bind", "127.0.0.1:$PORT", "--chdir", str(SOURCES)]
        command += ["--worker-class", "gthread", "--workers", "2", "--threads", "4"]
        return [*command, "app:app"]

    def build_environment(self, start: Start) -> dict[str, str]:
        return {"MONGODB_URI": start.uri, "BCRYPT_ROUNDS": str(start.variant.cost)}

    def seed(self, site: Site) -> None:
        collection = site.database.users
        for name, role in (("root", "admin"), ("plain", "user")):
            account = {"email": f"{name}@house.org", "token": name, "roles": [role]}
            collection.insert_one(account)
        self._root, self.stranger = bearer("root"), bearer("plain")
        first = {"name": "first", "email": "first@house.org", "password": PASSWORD}
        post(site.api, "/users", first, self._root)
        original = find_original(collection, {"email": "first@house.org"})
        self._ids = build_ids()

        def get_differences(number: int) -> dict[str, Any]:
            return {"_id": self._ids[number], "_etag": f"{number:040x}", **build_user(number)}

        insert_copies(collection, original, get_differences)

    def build_loads(self, api: httpx.Client) -> dict[str, Load]:
        read, changed = build_samples(self._ids)
        reads = Load("GET", "/users/$id", self._root, users=read, emails=1)
        return {
            "read": reads,
            "not-modified": add_etags(api, reads),
            "list-20": Load("GET", "/users?max_results=20", self._root, emails=20),
            "list-100": Load("GET", "/users?max_results=100", self._root, emails=100),
            "create": Load("POST", "/users", self._root, body=NEW_USER, status=201),
            "update": Load("PATCH", "/users/$id", self._root, body=NEW_NAME, users=changed),
        }
