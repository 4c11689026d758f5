"""Refused accesses go on record, too."""

from flask import Flask, Response, request

from rollbook.access.guards import find_principal
from rollbook.audit.service import Target, record
from rollbook.kit.clock import Clock
from rollbook.kit.errors import Forbidden, Unavailable
from rollbook.kit.rendering import failed


def install(app: Flask, clock: Clock) -> None:
    """Of callers who have signed in: of all others nobody knows who was refused, and the log has that they were."""

    @app.errorhandler(Forbidden)
    def refused(error: Forbidden) -> Response:
        caller = find_principal()
        if caller is None or caller.user_id is None or error.is_on_record:
            return failed(error)
        try:
            record("access.refused", Target("operation", _operation(app)), actor=caller, at=clock(), changes={})
        except Unavailable as unavailable:
            return failed(unavailable)
        return failed(error)


def _operation(app: Flask) -> str | None:
    """Its name in OpenAPI; the path may hold an e-mail address."""
    view = getattr(app.view_functions.get(request.endpoint or ""), "view_class", None)
    method = "get" if request.method == "HEAD" else request.method.lower()
    declaration = getattr(getattr(view, method, None), "declaration", None)
    return declaration.operation if declaration else None
