"""Clients that write, retry until they get a response, and compare it with the database later."""

import json
import random  # noqa: TID251 - the writes are random
import socket
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

PASSWORD = "plenty of long words"
RETRY_SECONDS = 25
"""How long to retry after a broken connection. A worker that dies holds its keys for 10 s."""
PAUSE = 0.1


@dataclass(frozen=True)
class Response:
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
    def is_in_flight(self) -> bool:
        """Does another request with the same idempotency key still run?"""
        return (
            self.status == 409
            and json.loads(self.body)["error"]["code"] == "idempotency_key_in_flight"
        )


class Client:
    """One connection, which is opened again whenever it breaks.

    `lost_responses` is the number of requests whose connection broke before the response.
    `longest` is the maximum number of seconds from a first request to its final response.
    """

    def __init__(self, url: str) -> None:
        self._connection = HTTPConnection(url.removeprefix("http://"), timeout=60)
        self.lost_responses = 0
        self.longest = 0.0

    def send(
        self, method: str, path: str, body: bytes | None = None, key: str | None = None
    ) -> Response | None:
        """None, when the connection broke. Raises: TimeoutError."""
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            return Response(response.status, dict(response.headers), response.read())
        except TimeoutError:
            raise
        except (OSError, HTTPException):
            self._connection.close()
            self.lost_responses += 1
            return None

    def send_with_retries(
        self, method: str, path: str, body: bytes | None = None, key: str | None = None
    ) -> tuple[Response, bool]:
        """The final response, and whether it belongs to the first request."""
        started = time.monotonic()
        deadline, is_first = started + RETRY_SECONDS, True
        while (
            (response := self.send(method, path, body, key)) is None
            or response.status == 503
            or response.is_in_flight
        ):
            now, is_first = time.monotonic(), False
            deadline = now + RETRY_SECONDS if response is None else deadline
            waited = now - started
            assert now < deadline, f"{method} {path} returns {response} after {waited:.0f} s"
            time.sleep(PAUSE)
        self.longest = max(self.longest, time.monotonic() - started)
        return response, is_first

    def close(self) -> None:
        self._connection.close()


def send_and_disconnect(url: str, path: str, body: bytes, key: str) -> None:
    """Send a POST request and close the connection, like a client that is killed then."""
    host, port = url.removeprefix("http://").split(":")
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    head += f"Idempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((host, int(port))) as client:
        client.sendall(head.encode() + body)


@dataclass(frozen=True)
class Change:
    """`action` is the one of the audit log.

    If it `is_confirmed`, a response said that it was made. Otherwise it may have been made.
    """

    action: str
    name: str | None = None
    is_confirmed: bool = True


@dataclass
class TrackedUser:
    """A user whom only one writer changes. `changes` are in the order of their requests."""

    key: str
    body: bytes
    created: Response
    changes: list[Change]
    is_deleted: bool = False

    @property
    def id(self) -> str:
        return str(self.created.data["id"])

    @property
    def path(self) -> str:
        return f"/api/users/{self.id}"

    def count_lost(self, history: Sequence[Mapping[str, Any]]) -> int:
        """The number of confirmed changes that `history`, from the audit log, lacks."""
        confirmed = Counter((c.action, c.name) for c in self.changes if c.is_confirmed)
        return (confirmed - Counter(map(_summarize, history))).total()

    def matches(self, user: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> bool:
        """Are the stored `user` and its `history` what the responses said?

        A change that is not confirmed may be there or not.
        """
        made = list(map(_summarize, history))
        expected = [
            (change.action, change.name)
            for change in self.changes
            if change.is_confirmed or (change.action, change.name) in made
        ]
        name = [name for _, name in expected if name][-1]
        state = (user["name"], user["is_deleted"], user["version"])
        return made == expected and state == (name, self.is_deleted, len(expected))


def count_differences(
    tracked: Mapping[str, TrackedUser],
    stored: Mapping[str, Mapping[str, Any]],
    histories: Mapping[str, Sequence[Mapping[str, Any]]],
) -> tuple[int, int, int]:
    """Count lost changes, changes without audit entry, and audit entries without change.

    All three mappings are by user id.
    """
    lost = sum(
        user.count_lost(histories.get(key, []) if key in stored else [])
        for key, user in tracked.items()
    )
    versions = Counter(
        (key, version) for key, user in stored.items() for version in range(1, user["version"] + 1)
    )
    entries = Counter(
        (key, entry["version"]) for key, history in histories.items() for entry in history
    )
    return lost, (versions - entries).total(), (entries - versions).total()


def _summarize(entry: Mapping[str, Any]) -> tuple[str, str | None]:
    return entry["action"], entry["changes"].get("name", {}).get("after")


class Writer(Client):
    """Creates and changes `users`."""

    def __init__(self, url: str, number: int) -> None:
        super().__init__(url)
        self._random = random.Random(number)
        self._number = number
        self._names = 0
        self.users: list[TrackedUser] = []
        self.acknowledged = 0

    def write_until(self, is_enough: Callable[[], bool]) -> None:
        kinds = (self._create, self._rename, self._delete, self._restore)
        while not is_enough():
            self._random.choices(kinds, (4, 4, 1, 1))[0]()

    def repeat_creates(self) -> list[tuple[TrackedUser, Response]]:
        """Send the request that created each user once more; return the users and responses."""
        return [
            (user, self.send_with_retries("POST", "/api/users", user.body, user.key)[0])
            for user in self.users
        ]

    def _create(self) -> None:
        name, key = self._new_name(), str(uuid.uuid4())
        body = json.dumps(
            {"name": name, "email": f"{name}@example.com", "password": PASSWORD}
        ).encode()
        response, _ = self.send_with_retries("POST", "/api/users", body, key)
        self._acknowledge(response, 201)
        self.users.append(TrackedUser(key, body, response, [Change("user.created", name)]))

    def _rename(self) -> None:
        """Sent once. Without a response, the change is confirmed only if a read shows it."""
        if user := self._choose_user(is_deleted=False):
            name = self._new_name()
            response = self.send("PATCH", user.path, json.dumps({"name": name}).encode())
            if response is None or response.status == 503:
                seen, _ = self.send_with_retries("GET", user.path)
                is_confirmed = seen.data["name"] == name
                user.changes.append(Change("user.updated", name, is_confirmed))
            else:
                self._acknowledge(response, 200)
                user.changes.append(Change("user.updated", name))

    def _delete(self) -> None:
        """A retry may get 404, because the first request deleted the user."""
        if user := self._choose_user(is_deleted=False):
            response, is_first = self.send_with_retries("DELETE", user.path)
            self._acknowledge(response, *((204,) if is_first else (204, 404)))
            user.changes.append(Change("user.deleted"))
            user.is_deleted = True

    def _restore(self) -> None:
        if user := self._choose_user(is_deleted=True):
            path, key = f"{user.path}/restore", str(uuid.uuid4())
            response, _ = self.send_with_retries("POST", path, key=key)
            self._acknowledge(response, 200)
            user.changes.append(Change("user.restored"))
            user.is_deleted = False

    def _choose_user(self, *, is_deleted: bool) -> TrackedUser | None:
        candidates = [user for user in self.users if user.is_deleted == is_deleted]
        return self._random.choice(candidates) if candidates else None

    def _new_name(self) -> str:
        self._names += 1
        return f"w{self._number}-{self._names}"

    def _acknowledge(self, response: Response, *statuses: int) -> None:
        assert response.status in statuses, (response.status, response.body)
        self.acknowledged += 1
