"""Carry a request with an Idempotency-Key out once, and replay its response (IETF httpapi draft).

The response is stored in the transaction of the change, so both exist or neither.
"""

import json
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request
from pydantic_core import to_json

from rollbook.access.client_address import get_client_address
from rollbook.access.guards import current_principal
from rollbook.idempotency.service import IdempotencyService
from rollbook.kit.replay import Attempt, StoredResponse
from rollbook.storage.transactions import run_before_commit
from rollbook.web.declarations import Declaration, Reply
from rollbook.web.extensions import IDEMPOTENCY

STORED_HEADERS = ("Content-Type", "Cache-Control", "ETag", "Location")
Render = Callable[[Reply], Response]


def install(app: Flask, *, service: IdempotencyService) -> None:
    """Give `rollbook.web.endpoints` its `RunOnce`."""

    def run_once(
        key: str,
        body: bytes,
        work: Callable[[], Reply],
        render: Render,
        declaration: Declaration,
    ) -> Response:
        # An anonymous caller is known by address, so that two of them may use the same key.
        caller = current_principal().user_id or f"anonymous {get_client_address()}"
        operation = f"{request.method} {request.path}"
        begun = service.begin(key, body, caller=caller, request=operation)
        if isinstance(begun, StoredResponse):
            return _replay(begun, declaration)
        try:
            return _run_and_store(begun, work, render)
        except BaseException:
            begun.release()
            raise

    app.extensions[IDEMPOTENCY] = run_once


def _run_and_store(attempt: Attempt, work: Callable[[], Reply], render: Render) -> Response:
    responses: list[Response] = []

    def store(result: Any) -> None:
        """Store the response.

        It runs in the transaction, once in each attempt of it. The last response counts.
        """
        responses.append(render(Reply(result)))
        attempt.complete(_to_stored(responses[-1], result))

    with run_before_commit(store):
        reply = work()
    if not responses:  # The request was valid, but there was nothing to write.
        store(reply.data)
    return responses[-1]


def _to_stored(response: Response, result: Any) -> StoredResponse:
    names = [name for name in STORED_HEADERS if name in response.headers]
    headers = {name: response.headers[name] for name in names}
    about = getattr(result, "user_id", None) or getattr(result, "pk", "")
    return StoredResponse(response.status_code, headers, response.get_data(), str(about))


def _replay(stored: StoredResponse, declaration: Declaration) -> Response:
    """Replay a response, without data that the caller could read at first and may not any more."""
    body = stored.body
    if body:
        content = json.loads(body)
        body = (
            to_json({**content, "data": _hide(content["data"], stored.about, declaration)}) + b"\n"
        )
    response = Response(body, stored.status, stored.headers)
    response.headers["Idempotency-Replayed"] = "true"
    return response


def _hide(data: Any, about: str, declaration: Declaration) -> Any:
    """Hide what the caller may not read now."""
    if declaration.is_visible is not None and not declaration.is_visible(about):
        return None
    if data is None or declaration.get_viewer is None or declaration.returns is None:
        return data
    shown = declaration.returns.model_validate(data, context=declaration.get_viewer())
    return shown.model_dump(mode="json", include=set(data))
