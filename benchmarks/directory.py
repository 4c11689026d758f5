"""Compares the times of lists and look-ups with 10,000 and with a million users.

For each of SIZES (numbers of users, separated by commas, at least 10,000), it fills a database and
starts a server, all on one private mongod. It sends each request WARM_UP + MEASURED times. The
servers take turns, so that other load on the machine affects all sizes alike.

It prints the median and p99 in ms, the ratio of the medians of the largest and the smallest size,
and what MongoDB's profiler reports about each query of `users` at the largest size. The exit code
is 1 when a ratio is over MAX_RATIO, unless LENIENT=1, or when a query scanned the whole collection.
"""

import http.client
import itertools
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

from bson import ObjectId
from pymongo import IndexModel, MongoClient
from pymongo.database import Database

sys.path.insert(0, str(Path(__file__).parents[1]))

from rollbook.access.principal import SYSTEM
from rollbook.database_parts import build_database
from rollbook.embedded.binary import find_mongod
from rollbook.embedded.mongod import PrivateMongod
from rollbook.kit import clock
from rollbook.kit.lookalikes import skeleton
from rollbook.passwords.hash_gate import HashGate
from rollbook.services import build_services
from rollbook.settings import Settings
from rollbook.storage.transactions import in_transaction
from rollbook.users.dao import users
from rollbook.users.stored_fields import build_search_fields, build_stored_fields
from tests.harness.serving import OPEN, Server, serving

SIZES = sorted(map(int, os.environ.get("SIZES", "10000,100000,1000000").split(",")))
WARM_UP, MEASURED, MAX_RATIO = 50, 300, 1.5
DEEP_PAGE = 5_000
"""The page that the measured cursor leads to. With fewer pages, it is the last full one."""
HISTORY = timedelta(days=6 * 365)
"""The users were created over this time, the last one just now."""
NAMESAKES, NAMESAKE = 25, "Ada Lovelace"
"""So many users have this name at each size, so that a search finds the same number of users."""
EXEMPT = ("/users?page_size=100", "PATCH /users/{id}")
"""Not judged: the first fetches a hundred documents, the second waits for the disk."""
REQUESTS = (
    "/users",
    "/users?role=moderator",
    "/users?is_active=false",
    "/users?role=moderator&is_active=false&sort=name",
    "/users?created_after={a_year_ago}",
    "/users?q=ada+lovelace",
    "/users?q=love",
    "/users?q=lovelace+ada",
    "/users?q=example.com",
    "/users?q=m",
    "/users?email={email}",
    "/users?username={username}",
    "/users?sort=name",
    "/users?sort=-last_login",
    "/users?include_deleted=true",
    "/users/{id}",
    "/users/{email}",
    "/users/{username}",
    "/users?cursor={cursor}",
    *EXEMPT,
)
"""`{id}`, `{email}` and `{username}` are those of another user for each request."""
NAMES = """
Adam Agnes Alice Amir Anna Aroha Arthur Beatriz Boris Carla Chen Clara Daniel Diego Dora Elena Emil
Eva Farid Fatima Felix Frida Grace Hana Hugo Ida Igor Jana Jonas Julia Karim Lars Leila Liam Lucia
Magda Maria Mei Mila Nadia Nils Olga Omar Paula Pedro Priya Rafael Rosa Samir Sara Tara Uma Vera Wei
Yusuf Zora / Abbott Ahmed Bauer Bianchi Brown Costa Dahl Davies Diallo Dubois Evans Fischer Garcia
Gomez Gupta Haddad Hansen Hughes Ibrahim Ito Jensen Johnson Kaya Khan Kim Larsen Lee Lopez Martin
Meyer Moreau Murphy Nguyen Novak Okafor Patel Petrov Rossi Sato Singh Smith Tanaka Wang
"""
FIRST_NAMES, LAST_NAMES = (names.split() for names in NAMES.split("/"))
WIDTH = max(map(len, REQUESTS))


def main() -> int:
    now = clock.now()
    with (
        tempfile.TemporaryDirectory() as folder,
        PrivateMongod(find_mongod(None), Path(folder) / "data") as mongod,
        MongoClient(mongod.uri) as client,
        ExitStack() as stack,
    ):
        databases = [fill_database(client, mongod.uri, size, now) for size in SIZES]
        common = {"MONGODB_URI": mongod.uri, "WORKERS": 1, "LOG_LEVEL": "WARNING"}
        servers = [
            stack.enter_context(serving(Path(folder), MONGODB_DBNAME=each.name, **common))
            for each in databases
        ]
        directories = [
            Directory(size, server, now) for size, server in zip(SIZES, servers, strict=True)
        ]
        slow = print_times({request: measure(request, directories) for request in REQUESTS})
        scanning = print_plans(databases[-1], directories[-1])
    print(f"\nratio over {MAX_RATIO}:", ", ".join(slow) or "none")
    print("scanned the whole collection:", ", ".join(scanning) or "none")
    return 1 if scanning or (slow and os.environ.get("LENIENT") != "1") else 0


class Directory:
    """One connection to a server with `size` users."""

    def __init__(self, size: int, server: Server, now: datetime) -> None:
        server.await_status("/ready", 200)
        self._connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
        self._references = itertools.cycle(generate_references(size, now))
        self._changes = itertools.count()
        self._values = {"a_year_ago": f"{now - timedelta(days=365):%Y-%m-%dT%H:%M:%SZ}"}
        self._values["cursor"], page = self._find_deep_cursor()
        # The next request opens it again. Idle, it would be closed while other sizes are prepared.
        self._connection.close()
        print(f"{size:,} users: the cursor leads to page {page:,}", flush=True)

    def send(self, request: str) -> tuple[float, Any]:
        """Fill in the references of the next user. Returns the seconds, and the response."""
        method, _, path = request.rpartition(" ")
        path = "/api" + path.format(**next(self._references), **self._values)
        body = json.dumps({"name": f"Ada Byron {next(self._changes)}"}) if method else None
        headers = {"Content-Type": "application/json"} if body else {}
        started = time.perf_counter()
        self._connection.request(method or "GET", path, body, headers)
        response = self._connection.getresponse()
        content = response.read()
        elapsed = time.perf_counter() - started
        assert response.status == 200, (path, content)
        return elapsed, json.loads(content)

    def _find_deep_cursor(self) -> tuple[str, int]:
        """Read all pages before DEEP_PAGE. Returns the cursor that leads to it, and its number."""
        cursors: list[str] = []
        following = self.send("/users")[1]["pagination"]["next_cursor"]
        while following and len(cursors) < DEEP_PAGE - 1:
            cursors.append(following)
            following = self.send(f"/users?cursor={following}")[1]["pagination"]["next_cursor"]
        full = cursors if following else cursors[:-1]
        return full[-1], len(full) + 1


def fill_database(client: MongoClient[Any], uri: str, size: int, now: datetime) -> Database[Any]:
    """Store `size` users and their tallies, with the indexes and validators of rollbook."""
    started, filled = time.perf_counter(), client.get_database(f"directory_{size}")
    settings = Settings(
        _env_file=None, mongodb_uri=uri, mongodb_dbname=filled.name, secret_key=OPEN["SECRET_KEY"]
    )
    database = build_database(settings, build_services(settings).prepare)
    database.prepare()
    indexes = [
        IndexModel(list(each.pop("key").items()), **each) for each in filled.users.list_indexes()
    ]
    filled.users.drop_indexes()
    with HashGate(4).enter() as hasher:
        constant = {"password_hash": hasher.hash("plenty of long words"), "version": 1}
    documents = (
        build_identity(number, size) | build_state(number, size, now) | constant
        for number in range(size)
    )
    while batch := list(itertools.islice(documents, 5_000)):
        filled.users.insert_many(batch, ordered=False)
    filled.users.create_indexes(indexes)  # Three times as fast as with indexes from the start.
    in_transaction(users.recount, actor=SYSTEM, seconds=50)
    database.close()
    client.admin.command("fsync")  # Otherwise a checkpoint would slow down the first requests.
    print(f"{size:,} users: stored in {time.perf_counter() - started:.0f} s", flush=True)
    return filled


def draw_numbers(number: int) -> memoryview:
    """Eight pseudorandom numbers below 65,536, the same for the same `number`."""
    return memoryview(blake2b(b"%d" % number, digest_size=16).digest()).cast("H")


def build_identity(number: int, size: int) -> dict[str, Any]:
    """Build the names, the address and the role of a user.

    One user in a hundred is a moderator, and one moderator in three is inactive, so that a list of
    inactive moderators fills a page.
    """
    first, last, domain, has_username, role, *_ = draw_numbers(number)
    full = NAMESAKE
    if number % (size // NAMESAKES):
        full = f"{FIRST_NAMES[first % len(FIRST_NAMES)]} {LAST_NAMES[last % len(LAST_NAMES)]}"
    first_name, last_name = full.split()
    email = f"{first_name}.{last_name}{number}@example.{('com', 'org', 'net')[domain % 3]}"
    is_moderator = role % 100 == 0
    user = {
        "role": "moderator" if is_moderator else "user",
        "is_active": role % (300 if is_moderator else 60) != 0,
    }
    user |= {"name": full, "name_key": full.lower(), "email": email, "email_key": email.lower()}
    user |= {"email_skeleton": skeleton(email)}
    if has_username % 10:
        username = f"{first_name}_{number}"
        user |= {"username": username, "username_key": username.lower()}
    user |= {"first_name": first_name, "last_name": last_name}
    return user | build_search_fields(None, user)


def build_state(number: int, size: int, now: datetime) -> dict[str, Any]:
    """Build the times, the sign-ins and the deletion of a user.

    No user was deleted more than 28 days ago, because the sweep would purge them after 30 days.
    """
    *_, deletion, logins, moment = draw_numbers(number)
    created = now - HISTORY * (1 - number / size)
    share = moment / 65_536
    fields = {
        "_id": ObjectId(f"{int(created.timestamp()):08x}{number:016x}"),
        "is_deleted": deletion % 100 == 0,
    }
    fields |= {"created_at": created, "updated_at": created + (now - created) * share}
    if logins % 10 < 7:
        fields["last_login"] = now - (now - created) * share
        fields["known_addresses"] = [f"198.51.100.{logins % 256}"]
        fields["logins"] = logins % 500 + 1
    if fields["is_deleted"]:
        fields["deleted_at"] = now - timedelta(days=28) * share
    return fields


def generate_references(size: int, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield the id, e-mail address and username of some users, evenly spread over all of them."""
    for number in range(1, size, size // 500):
        user = build_identity(number, size) | build_state(number, size, now)
        if "username" in user and not user["is_deleted"]:
            references = {name: user[name] for name in ("email", "username")}
            assert user.items() >= build_stored_fields(references).items()
            yield {"id": user["_id"]} | references


def measure(request: str, directories: list[Directory]) -> list[tuple[float, ...]]:
    """Return the seconds of each request, by size.

    The responses of all sizes have the same number of users, so the times can be compared.
    """
    lengths = {len(directory.send(request)[1]["data"]) for directory in directories}
    assert len(lengths) == 1, (request, lengths)
    rounds = [
        [directory.send(request)[0] for directory in directories] for _ in range(WARM_UP + MEASURED)
    ]
    return list(zip(*rounds[WARM_UP:], strict=True))


def print_times(measured: dict[str, list[tuple[float, ...]]]) -> list[str]:
    """Print a table. Returns the requests whose ratio is over MAX_RATIO."""
    columns = [f"{size:,} {what}" for size in SIZES for what in ("median", "p99")]
    header = " | ".join([*columns, "ratio"])
    print(f"\n| {'ms':{WIDTH}} | {header} |\n" + "| --- " * (len(columns) + 2) + "|")
    slow = []
    for request, by_size in measured.items():
        pairs = [
            (statistics.median(times), sorted(times)[len(times) * 99 // 100]) for times in by_size
        ]
        values = [seconds * 1000 for pair in pairs for seconds in pair]
        cells = [f"{value:{len(column)}.2f}" for value, column in zip(values, columns, strict=True)]
        ratio = values[-2] / values[0]
        print(f"| {request:{WIDTH}} |", " | ".join([*cells, f"{ratio:5.2f}"]), "|")
        slow += [request] if ratio > MAX_RATIO and request not in EXEMPT else []
    return slow


def print_plans(database: Database[Any], directory: Directory) -> list[str]:
    """Print the profiler's report of each request. Returns those that scanned all users."""
    print(f"\nqueries of users, at {SIZES[-1]:,}:")
    scanning = []
    for request in REQUESTS:
        database.drop_collection("system.profile")
        database.command("profile", 2)
        directory.send(request)
        database.command("profile", 0)
        of_users = {"ns": f"{database.name}.users", "planSummary": {"$ne": None}}
        for query in database["system.profile"].find(of_users):
            print(f"{request:{WIDTH}} {describe_plan(query)}")
            scanning += [request] if "COLLSCAN" in query["planSummary"] else []
    return scanning


def describe_plan(query: dict[str, Any]) -> str:
    """One line: the command, the scanned indexes, and the number of keys and documents."""
    scanned = dict.fromkeys(re.findall(r"[A-Z_]+(?: \{.*?\})?", query["planSummary"]))
    counts = [
        f"{name}={query.get(name, 0)}" for name in ("keysExamined", "docsExamined", "nreturned")
    ]
    notes = [name for name in ("hasSortStage", "fromPlanCache", "replanned") if query.get(name)]
    return " ".join([next(iter(query["command"])), ", ".join(scanned), *counts, *notes])


if __name__ == "__main__":
    raise SystemExit(main())
