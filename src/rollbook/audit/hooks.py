"""Write an audit entry for every refused access of a user."""

from flask import Flask, Response, request

from rollbook.access.guards import find_principal
from rollbook.audit.service import Target, append_entry
from rollbook.kit.clock import Clock
from rollbook.kit.errors import Forbidden, Unavailable
from rollbook.web.rendering import render_error


def install(app: Flask, *, clock: Clock) -> None:
    """Install the hook that audits refusals of users.

    Refusals of anonymous callers are only in the log, since an audit entry could not name them.
    """

    @app.errorhandler(Forbidden)
    def handle_forbidden(error: Forbidden) -> Response:
        caller = find_principal()
        if caller is None or caller.user_id is None or error.is_audited:
            return render_error(error)
        target = Target("operation", _find_operation(app))
        try:
            append_entry("access.refused", target, actor=caller, at=clock(), changes={})
        except Unavailable as unavailable:
            return render_error(unavailable)
        return render_error(error)


def _find_operation(app: Flask) -> str | None:
    """Find the operationId. The path is not stored, since it may hold an e-mail address."""
    view = getattr(app.view_functions.get(request.endpoint or ""), "view_class", None)
    method = "get" if request.method == "HEAD" else request.method.lower()
    declaration = getattr(getattr(view, method, None), "declaration", None)
    return declaration.operation if declaration else None
