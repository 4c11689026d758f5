"""Clients that write, insist until they are answered, and remember what they were told."""

import json
import random  # noqa: TID251 - what is written next is a matter of chance
import socket
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

PASSWORD = "plenty of long words"
PATIENCE = 25
"""Seconds to insist for after a connection broke: whoever died at work on a key holds it for 10."""
PAUSE = 0.1


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)["data"]

    @property
    def is_replayed(self) -> bool:
        return self.headers.get("Idempotency-Replayed") == "true"

    @property
    def says_in_flight(self) -> bool:
        return self.status == 409 and json.loads(self.body)["error"]["code"] == "idempotency_key_in_flight"


class Client:
    """One connection, opened again whenever it breaks.

    `unanswered`: how many requests lost their answer; `longest`: seconds from a request to the answer that counted.
    """

    def __init__(self, url: str) -> None:
        self._connection = HTTPConnection(url.removeprefix("http://"), timeout=60)
        self.unanswered = 0
        self.longest = 0.0

    def send(self, method: str, path: str, body: bytes | None = None, key: str | None = None) -> Answer | None:
        """None, when the connection broke. Raises: TimeoutError."""
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read())
        except TimeoutError:
            raise
        except (OSError, HTTPException):
            self._connection.close()
            self.unanswered += 1
            return None

    def insist(self, method: str, path: str, body: bytes | None = None, key: str | None = None) -> tuple[Answer, bool]:
        """The answer that counts, and whether it is the first request's."""
        began = time.monotonic()
        until, is_first = began + PATIENCE, True
        while (answer := self.send(method, path, body, key)) is None or answer.status == 503 or answer.says_in_flight:
            now, is_first = time.monotonic(), False
            until = now + PATIENCE if answer is None else until
            assert now < until, f"{method} {path} gives {answer} after {now - began:.0f} s"
            time.sleep(PAUSE)
        self.longest = max(self.longest, time.monotonic() - began)
        return answer, is_first

    def close(self) -> None:
        self._connection.close()


def send_and_die(url: str, path: str, body: bytes, key: str) -> None:
    """As a client that is killed once its request has left."""
    host, port = url.removeprefix("http://").split(":")
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nIdempotency-Key: {key}\r\n"
    with socket.create_connection((host, int(port))) as client:
        client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


@dataclass(frozen=True)
class Change:
    """By the record's name for it. Of one that is not `sure` nobody was told whether it was made."""

    action: str
    name: str | None = None
    sure: bool = True


@dataclass
class Person:
    """A user whom only one writer changes; the `changes` were asked for in this order, one after the other."""

    key: str
    body: bytes
    told: Answer
    changes: list[Change]
    is_deleted: bool = False

    @property
    def id(self) -> str:
        return str(self.told.data["id"])

    @property
    def path(self) -> str:
        return f"/api/users/{self.id}"

    def lost(self, history: Sequence[Mapping[str, Any]]) -> int:
        """How many changes the `history` on record lacks that one was told of."""
        sure = Counter((change.action, change.name) for change in self.changes if change.sure)
        return (sure - Counter(map(_said, history))).total()

    def is_as_told(self, user: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> bool:
        """Are the stored `user` and its `history` what the answers make of them, if some changes are left open?"""
        made = list(map(_said, history))
        asked = [(c.action, c.name) for c in self.changes if c.sure or (c.action, c.name) in made]
        name = [name for _, name in asked if name][-1]
        state = (user["name"], user["is_deleted"], user["version"])
        return made == asked and state == (name, self.is_deleted, len(asked))


def _said(entry: Mapping[str, Any]) -> tuple[str, str | None]:
    return entry["action"], entry["changes"].get("name", {}).get("after")


class Writer(Client):
    """Creates `people`, and changes them."""

    def __init__(self, url: str, number: int) -> None:
        super().__init__(url)
        self._chance = random.Random(number)
        self._number = number
        self._names = 0
        self.people: list[Person] = []
        self.acknowledged = 0

    def write_until(self, enough: Callable[[], bool]) -> None:
        kinds = (self._create, self._rename, self._delete, self._restore)
        while not enough():
            self._chance.choices(kinds, (4, 4, 1, 1))[0]()

    def repeat_all(self) -> list[tuple[Person, Answer]]:
        """Each person with the answer to the request that created them, sent once more."""
        return [(person, self.insist("POST", "/api/users", person.body, person.key)[0]) for person in self.people]

    def _create(self) -> None:
        name, key = self._new_name(), str(uuid.uuid4())
        body = json.dumps({"name": name, "email": f"{name}@example.com", "password": PASSWORD}).encode()
        answer, _ = self.insist("POST", "/api/users", body, key)
        self._acknowledge(answer, 201)
        self.people.append(Person(key, body, answer, [Change("user.created", name)]))

    def _rename(self) -> None:
        """Once: without an answer it stays open whether it was done, unless it can be seen."""
        if person := self._someone(is_deleted=False):
            name = self._new_name()
            answer = self.send("PATCH", person.path, json.dumps({"name": name}).encode())
            if answer is None or answer.status == 503:
                seen, _ = self.insist("GET", person.path)
                person.changes.append(Change("user.updated", name, sure=seen.data["name"] == name))
            else:
                self._acknowledge(answer, 200)
                person.changes.append(Change("user.updated", name))

    def _delete(self) -> None:
        """404 to a request that was sent before says that it was done then."""
        if person := self._someone(is_deleted=False):
            answer, is_first = self.insist("DELETE", person.path)
            self._acknowledge(answer, *((204,) if is_first else (204, 404)))
            person.changes.append(Change("user.deleted"))
            person.is_deleted = True

    def _restore(self) -> None:
        if person := self._someone(is_deleted=True):
            answer, _ = self.insist("POST", f"{person.path}/restore", key=str(uuid.uuid4()))
            self._acknowledge(answer, 200)
            person.changes.append(Change("user.restored"))
            person.is_deleted = False

    def _someone(self, *, is_deleted: bool) -> Person | None:
        able = [person for person in self.people if person.is_deleted == is_deleted]
        return self._chance.choice(able) if able else None

    def _new_name(self) -> str:
        self._names += 1
        return f"w{self._number}-{self._names}"

    def _acknowledge(self, answer: Answer, *statuses: int) -> None:
        assert answer.status in statuses, (answer.status, answer.body)
        self.acknowledged += 1
