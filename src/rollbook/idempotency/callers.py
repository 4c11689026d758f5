"""Whose Idempotency-Key it is."""

from flask import Flask, request

from rollbook.access.guards import current_principal
from rollbook.access.origin import client_address
from rollbook.idempotency.service import RepeatService
from rollbook.kit.repeats import EXTENSION, Answer, Attempt


def install(app: Flask, repeats: RepeatService) -> None:
    """Whoever has not signed in is told from others by address, so that a key as plain as `1` is one's own."""

    def begin(key: str, body: bytes) -> Answer | Attempt:
        caller = current_principal().user_id or f"anonymous {client_address()}"
        return repeats.begin(key, body, caller=caller, request=f"{request.method} {request.path}")

    app.extensions[EXTENSION] = begin
