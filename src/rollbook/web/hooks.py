"""What every route needs: lengths and cursors from the settings, and one place for errors."""

import logging
from collections.abc import Mapping

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from rollbook.kit import errors
from rollbook.kit.errors import AppError
from rollbook.web.cursors import Cursors
from rollbook.web.declarations import ExtraParameter
from rollbook.web.extensions import CURSORS, EXTRA_PARAMETERS, LENGTH_LIMITS, REQUIRE_IF_MATCH
from rollbook.web.rendering import render_error

logger = logging.getLogger(__name__)

_ERRORS_BY_STATUS: dict[int | None, type[AppError]] = {
    kind.status: kind
    for kind in (
        errors.BadRequest,
        errors.NotFound,
        errors.MethodNotAllowed,
        errors.PayloadTooLarge,
        errors.UnsupportedMediaType,
        errors.TooManyRequests,
    )
}


def install(
    app: Flask,
    *,
    length_limits: Mapping[str, int],
    require_if_match: bool,
    cursors: Cursors,
    extra_parameters: Mapping[str, ExtraParameter],
) -> None:
    """Install the hooks.

    `length_limits` is `Settings.length_limits`. `extra_parameters` are for each query that takes
    them: see `rollbook.kit.schemas.Query`.
    """
    app.extensions[LENGTH_LIMITS] = length_limits
    app.extensions[REQUIRE_IF_MATCH] = require_if_match
    app.extensions[CURSORS] = cursors
    app.extensions[EXTRA_PARAMETERS] = extra_parameters
    app.register_error_handler(AppError, render_error)
    app.register_error_handler(HTTPException, _handle_http_error)
    app.register_error_handler(Exception, _handle_unexpected_error)


def _handle_http_error(error: HTTPException) -> Response:
    response = render_error(_translate_http_error(error))
    response.headers.extend([pair for pair in error.get_headers() if pair[0] == "Allow"])
    return response


def _handle_unexpected_error(error: Exception) -> Response:
    logger.error("unhandled %s", type(error).__name__, exc_info=error)
    return render_error(AppError())


def _translate_http_error(error: HTTPException) -> AppError:
    """Translate to our error of the same status.

    Werkzeug's own messages may repeat what was sent.
    """
    if error.code is not None and error.code >= 500:
        return AppError()
    return _ERRORS_BY_STATUS.get(error.code, errors.BadRequest)()
