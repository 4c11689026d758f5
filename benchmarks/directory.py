"""Does a list or a look-up take longer among a million users than among ten thousand?

For each of SIZES (users, separated by commas) a database on one private mongod, and a server of its own. Each request
is sent WARM_UP times, then MEASURED times, to all servers in turn, so that what else the machine does meets all alike.
Printed: median and p99 in ms, the ratio of the medians of the largest and the smallest size, and what the profiler says
of each query of `users` at the largest. Exit code 1: a ratio is over MOST (LENIENT=1 lets that pass), or a query looked
at the whole collection.
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

from rollbook.embedded.binary import find_mongod
from rollbook.embedded.mongod import PrivateMongod
from rollbook.kit import clock
from rollbook.kit.passwords import PasswordHasher
from rollbook.kit.transactions import in_transaction
from rollbook.services import database_of, services_of
from rollbook.settings import Settings
from rollbook.users.policy import stored
from rollbook.users.tally_dao import tallies
from tests.harness.serving import OPEN, Serving, serving

SIZES = sorted(map(int, os.environ.get("SIZES", "10000,100000,1000000").split(",")))
WARM_UP, MEASURED, MOST = 50, 300, 1.5
DEEP = 5_000
"""The page that a cursor leads to; where there are not so many, the last but one."""
YEARS = timedelta(days=6 * 365)
"""So long ago the first user came; the last, just now."""
NAMESAKES, SOUGHT = 25, "Ada Lovelace"
"""As many have that name at each size: what is looked for does not grow with the directory."""
EXEMPT = ("/users?page_size=100", "PATCH /users/{id}")
"""For information: the one fetches a hundred documents, the other waits for the disk."""
REQUESTS = (
    "/users",
    "/users?role=moderator",
    "/users?is_active=false",
    "/users?role=moderator&is_active=false&sort=name",
    "/users?created_after={a_year_ago}",
    "/users?q=ada+lovelace",
    "/users?q=m",
    "/users?email={email}",
    "/users?username={username}",
    "/users?sort=name",
    "/users?sort=-last_login",
    "/users?include_deleted=true",
    "/users/{id}",
    "/users/{email}",
    "/users/{username}",
    "/users?cursor={deep}",
    *EXEMPT,
)
"""The id, e-mail address and username are someone else's every time."""
NAMES = """Adam Agnes Alice Amir Anna Aroha Arthur Beatriz Boris Carla Chen Clara Daniel Diego Dora Elena Emil Eva Farid
Fatima Felix Frida Grace Hana Hugo Ida Igor Jana Jonas Julia Karim Lars Leila Liam Lucia Magda Maria Mei Mila Nadia Nils
Olga Omar Paula Pedro Priya Rafael Rosa Samir Sara Tara Uma Vera Wei Yusuf Zora / Abbott Ahmed Bauer Bianchi Brown Costa
Dahl Davies Diallo Dubois Evans Fischer Garcia Gomez Gupta Haddad Hansen Hughes Ibrahim Ito Jensen Johnson Kaya Khan Kim
Larsen Lee Lopez Martin Meyer Moreau Murphy Nguyen Novak Okafor Patel Petrov Rossi Sato Singh Smith Tanaka Wang"""
WIDE = max(map(len, REQUESTS))
FIRST, LAST = (names.split() for names in NAMES.split("/"))


def main() -> int:
    now = clock.now()
    with (
        tempfile.TemporaryDirectory() as folder,
        PrivateMongod(find_mongod(None), Path(folder) / "data") as mongod,
        MongoClient(mongod.uri) as client,
        ExitStack() as stack,
    ):
        databases = [fill(client, mongod.uri, size, now) for size in SIZES]
        common = {"MONGODB_URI": mongod.uri, "WORKERS": 1, "LOG_LEVEL": "WARNING"}
        servers = [stack.enter_context(serving(Path(folder), MONGODB_DBNAME=each.name, **common)) for each in databases]
        directories = [Directory(size, server, now) for size, server in zip(SIZES, servers, strict=True)]
        slow = tell_times({request: measured(request, directories) for request in REQUESTS})
        blind = tell_plans(databases[-1], directories[-1])
    print(f"\nratio over {MOST}:", ", ".join(slow) or "none")
    print("whole collection looked at:", ", ".join(blind) or "none")
    return 1 if blind or (slow and os.environ.get("LENIENT") != "1") else 0


class Directory:
    """A server of `size` users, asked on one connection."""

    def __init__(self, size: int, server: Serving, now: datetime) -> None:
        server.await_status("/ready", 200)
        self._connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
        self._people = itertools.cycle(people(size, now))
        self._changes = itertools.count()
        self._known = {"a_year_ago": f"{now - timedelta(days=365):%Y-%m-%dT%H:%M:%SZ}"}
        self._known["deep"], page = self._deep()
        self._connection.close()  # It opens anew; the server would hang up while those of other sizes are walked.
        print(f"{size:,} users: the cursor leads to page {page:,}", flush=True)

    def ask(self, request: str) -> tuple[float, Any]:
        """The seconds that `request` took, filled in for the next of the people, and what was answered."""
        method, _, path = request.rpartition(" ")
        path = "/api" + path.format(**next(self._people), **self._known)
        body = json.dumps({"name": f"Ada Byron {next(self._changes)}"}) if method else None
        started = time.perf_counter()
        self._connection.request(method or "GET", path, body, {"Content-Type": "application/json"} if body else {})
        answer = self._connection.getresponse()
        content = answer.read()
        took = time.perf_counter() - started
        assert answer.status == 200, (path, content)
        return took, json.loads(content)

    def _deep(self) -> tuple[str, int]:
        """The cursor that leads to page DEEP, reached by way of all pages before it; and that page's number."""
        reached: list[str] = []
        following = self.ask("/users")[1]["pagination"]["next_cursor"]
        while following and len(reached) < DEEP - 1:
            reached.append(following)
            following = self.ask(f"/users?cursor={following}")[1]["pagination"]["next_cursor"]
        full = reached if following else reached[:-1]
        return full[-1], len(full) + 1


def fill(client: MongoClient[Any], uri: str, size: int, now: datetime) -> Database[Any]:
    """With rollbook's own schema, `size` users and their tallies."""
    started, filled = time.perf_counter(), client.get_database(f"directory_{size}")
    settings = Settings(_env_file=None, mongodb_uri=uri, mongodb_dbname=filled.name, secret_key=OPEN["SECRET_KEY"])
    database = database_of(settings, services_of(settings).prepare)
    database.prepare()
    declared = [IndexModel(list(each.pop("key").items()), **each) for each in filled.users.list_indexes()]
    filled.users.drop_indexes()
    with PasswordHasher(4).turn() as turn:
        secret = {"password_hash": turn.hash("plenty of long words"), "version": 1}
    everyone = (person(number, size) | fate(number, size, now) | secret for number in range(size))
    while batch := list(itertools.islice(everyone, 5_000)):
        filled.users.insert_many(batch, ordered=False)
    filled.users.create_indexes(declared)  # All at once, of what is there, is three times as fast as along the way.
    in_transaction(tallies.recount, seconds=50)
    database.close()
    client.admin.command("fsync")  # A checkpoint that is due would slow the first requests.
    print(f"{size:,} users: stored in {time.perf_counter() - started:.0f} s", flush=True)
    return filled


def draws(number: int) -> memoryview:
    """Eight numbers below 65,536 that look random."""
    return memoryview(blake2b(b"%d" % number, digest_size=16).digest()).cast("H")


def person(number: int, size: int) -> dict[str, Any]:
    """Who someone is. Every hundredth is a moderator, and one of three of these inactive, to fill a page of them."""
    first, last, domain, name_taken, role, *_ = draws(number)
    full = f"{FIRST[first % len(FIRST)]} {LAST[last % len(LAST)]}" if number % (size // NAMESAKES) else SOUGHT
    first_name, last_name = full.split()
    email = f"{first_name}.{last_name}{number}@example.{('com', 'org', 'net')[domain % 3]}"
    moderates = role % 100 == 0
    user = {"role": "moderator" if moderates else "user", "is_active": role % (300 if moderates else 60) != 0}
    user |= {"name": full, "name_key": full.lower(), "email": email, "email_key": email.lower()}
    if name_taken % 10:
        user |= {"username": f"{first_name}_{number}", "username_key": f"{first_name}_{number}".lower()}
    return user | {"first_name": first_name, "last_name": last_name}


def fate(number: int, size: int, now: datetime) -> dict[str, Any]:
    """What became of someone. Who was deleted longer than RETENTION_DAYS ago would be purged under way."""
    *_, deletion, visits, moment = draws(number)
    came = now - YEARS * (1 - number / size)
    share = moment / 65_536
    fields = {"_id": ObjectId(f"{int(came.timestamp()):08x}{number:016x}"), "is_deleted": deletion % 100 == 0}
    fields |= {"created_at": came, "updated_at": came + (now - came) * share}
    if visits % 10 < 7:
        last = {"last_login": now - (now - came) * share, "known_addresses": [f"198.51.100.{visits % 256}"]}
        fields |= last | {"logins": visits % 500 + 1}
    return fields | ({"deleted_at": now - timedelta(days=28) * share} if fields["is_deleted"] else {})


def people(size: int, now: datetime) -> Iterator[dict[str, Any]]:
    """What some of the users, from everywhere among them, are looked up by."""
    for number in range(1, size, size // 500):
        user = person(number, size) | fate(number, size, now)
        if "username" in user and not user["is_deleted"]:
            asked = {name: user[name] for name in ("email", "username")}
            assert user.items() >= stored(asked).items()
            yield {"id": user["_id"]} | asked


def measured(request: str, directories: list[Directory]) -> list[tuple[float, ...]]:
    """Seconds that each one took, by size. They can be compared, since all answer with as many users."""
    lengths = {len(directory.ask(request)[1]["data"]) for directory in directories}
    assert len(lengths) == 1, (request, lengths)
    rounds = [[directory.ask(request)[0] for directory in directories] for _ in range(WARM_UP + MEASURED)]
    return list(zip(*rounds[WARM_UP:], strict=True))


def tell_times(taken: dict[str, list[tuple[float, ...]]]) -> list[str]:
    """Prints a table; returns the requests that take too much longer at the largest size."""
    columns = [f"{size:,} {what}" for size in SIZES for what in ("median", "p99")]
    print(f"\n| {'ms':{WIDE}} |", " | ".join([*columns, "ratio"]), "|\n" + "| --- " * (len(columns) + 2) + "|")
    slow = []
    for request, by_size in taken.items():
        both = [(statistics.median(times), sorted(times)[len(times) * 99 // 100]) for times in by_size]
        values = [seconds * 1000 for pair in both for seconds in pair]
        cells = [f"{value:{len(column)}.2f}" for value, column in zip(values, columns, strict=True)]
        ratio = values[-2] / values[0]
        print(f"| {request:{WIDE}} |", " | ".join([*cells, f"{ratio:5.2f}"]), "|")
        slow += [request] if ratio > MOST and request not in EXEMPT else []
    return slow


def tell_plans(database: Database[Any], directory: Directory) -> list[str]:
    """Prints what the profiler saw of one request of each kind; returns those that looked at all users."""
    print(f"\nqueries of users, at {SIZES[-1]:,}:")
    blind = []
    for request in REQUESTS:
        database.drop_collection("system.profile")
        database.command("profile", 2)
        directory.ask(request)
        database.command("profile", 0)
        for query in database["system.profile"].find({"ns": f"{database.name}.users", "planSummary": {"$ne": None}}):
            print(f"{request:{WIDE}} {plan(query)}")
            blind += [request] if "COLLSCAN" in query["planSummary"] else []
    return blind


def plan(query: dict[str, Any]) -> str:
    """In a line: the command, what it scanned, each named once, and how much it looked at."""
    scanned = dict.fromkeys(re.findall(r"[A-Z_]+(?: \{.*?\})?", query["planSummary"]))
    looked = [f"{name}={query.get(name, 0)}" for name in ("keysExamined", "docsExamined", "nreturned")]
    notes = [name for name in ("hasSortStage", "fromPlanCache", "replanned") if query.get(name)]
    return " ".join([next(iter(query["command"])), ", ".join(scanned), *looked, *notes])


if __name__ == "__main__":
    raise SystemExit(main())
