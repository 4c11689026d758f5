"""A request that is sent twice is carried out once: what `Idempotency-Key` asks for (IETF httpapi draft).

The key is read here; who has sent it before, and what the answer was, the room `idempotency` knows.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from flask import Request, Response, current_app
from pydantic_core import to_json

from rollbook.kit.declarations import Reply
from rollbook.kit.errors import Detail, ValidationFailed
from rollbook.kit.transactions import before_commit

HEADER = "Idempotency-Key"
EXTENSION = "rollbook.repeats"
KEPT_HEADERS = ("Content-Type", "Cache-Control", "ETag", "Location")
_KEY = re.compile(r"[\x20-\x7e]{1,255}")


@dataclass(frozen=True)
class Answer:
    """What was sent to a client, and is sent again. `about`: the id of what it tells of, if it has one."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    about: str = ""


class Attempt(Protocol):
    """A request that is the first with its key."""

    def settle(self, answer: Answer) -> None:
        """Keep `answer`; inside a transaction, as a part of it. Raises: KeyInFlight, when someone took over."""

    def release(self) -> None:
        """The next one may try."""


Begin = Callable[[str, bytes], Answer | Attempt]
"""Takes the key and the body. Raises: KeyInFlight, KeyReused."""


def key_of(request: Request) -> str | None:
    """Raises: ValidationFailed."""
    key = request.headers.get(HEADER, "").strip()
    if key and not _KEY.fullmatch(key):
        detail = Detail(HEADER, "bad_format", "At most 255 printable ASCII characters.")
        raise ValidationFailed(details=[detail])
    return key or None


def answered_once(
    key: str,
    body: bytes,
    work: Callable[[], Reply],
    render: Callable[[Reply], Response],
    shows: Callable[[str], bool] | None,
) -> Response:
    """Do the `work` and keep what it comes to in the transaction that it ends in; or answer as the first time.

    What the caller was shown then and may not see any more is left out: `shows` is that of the declaration.
    """
    begin: Begin = current_app.extensions[EXTENSION]
    begun = begin(key, body)
    if isinstance(begun, Answer):
        return _replayed(begun, hidden=shows is not None and not shows(begun.about))
    try:
        return _first(begun, work, render)
    except BaseException:
        begun.release()
        raise


def _first(attempt: Attempt, work: Callable[[], Reply], render: Callable[[Reply], Response]) -> Response:
    responses: list[Response] = []

    def settle(done: Any) -> None:
        """In the transaction, which may start again: what counts is the last."""
        responses.append(render(Reply(done)))
        attempt.settle(_kept(responses[-1], done))

    with before_commit(settle):
        reply = work()
    if not responses:  # There was nothing to write.
        settle(reply.data)
    return responses[-1]


def _kept(response: Response, done: Any) -> Answer:
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    return Answer(response.status_code, headers, response.get_data(), str(getattr(done, "pk", "")))


def _replayed(answer: Answer, *, hidden: bool) -> Response:
    body = to_json({**json.loads(answer.body), "data": None}) if hidden and answer.body else answer.body
    response = Response(body, answer.status, answer.headers)
    response.headers["Idempotency-Replayed"] = "true"
    return response
