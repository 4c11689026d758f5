"""Errors about one-time tokens."""

from rollbook.kit.errors import BadRequest


class InvalidOneTimeToken(BadRequest):
    """The token of a link is unknown, expired, used or replaced, or it has another purpose."""

    code = "invalid_token"
    message = "This link is not valid: it was used, or a newer one replaced it, or it expired."
