"""Converters for the variable parts of a path."""

from werkzeug.routing import PathConverter


class ReferenceConverter(PathConverter):
    """A reference to a user: `<ref:ref>`. It has slashes only before the last @.

    So `/users/<ref:ref>/sessions` and other sub-resources need no exception in `/users/<ref:ref>`.
    An e-mail address may have a slash before the @ (RFC 5322 §3.2.3), but not in its domain.
    """

    part_isolating = False
    regex = r"(?:.*@)?[^/\n]+"
