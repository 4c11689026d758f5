"""The floor: bare Flask and PyMongo, without authentication, on the server of rollbook."""

import sys
from importlib.metadata import version

import httpx

from benchmarks.comparison.loads import Load
from benchmarks.comparison.seeding import (
    NEW_NAME,
    build_ids,
    build_samples,
    build_user,
    hash_password,
    insert_copies,
)
from benchmarks.peers.peer import FOLDER, Peer, Site, Start, add_etags

WORKER = "rollbook.buffering.worker.BufferingWorker"


class Floor(Peer):
    key = "floor"
    title = "bare Flask"
    ready = ("/ready", 200)
    notes = (
        "`benchmarks/bare.py` is Flask and PyMongo on rollbook's worker of gunicorn, and nothing"
        " else. It signs nobody in."
    )

    def get_versions(self) -> dict[str, str]:
        return {name: version(name) for name in ("Flask", "PyMongo", "gunicorn")}

    def build_command(self) -> list[str]:
        command = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:$PORT"]
        command += ["--worker-class", WORKER, "--workers", "2", "--threads", "4"]
        return [*command, "--chdir", str(FOLDER.parent), "bare:app"]

    def build_environment(self, start: Start) -> dict[str, str]:
        return {"MONGODB_URI": start.uri}

    def seed(self, site: Site) -> None:
        self._ids = build_ids()
        original = {"password_hash": hash_password(4), "version": 1}
        insert_copies(
            site.database.users, original, lambda n: {"_id": self._ids[n], **build_user(n)}
        )

    def build_loads(self, api: httpx.Client) -> dict[str, Load]:
        read, changed = build_samples(self._ids)
        reads = Load("GET", "/users/$id", users=read, emails=1)
        return {
            "read": reads,
            "not-modified": add_etags(api, reads),
            "list-20": Load("GET", "/users?page_size=20", emails=20),
            "list-100": Load("GET", "/users?page_size=100", emails=100),
            "update": Load("PATCH", "/users/$id", body=NEW_NAME, users=changed),
        }
