"""Errors about limits."""

from rollbook.kit.errors import Unavailable


class LimitsUnavailable(Unavailable):
    """The store of the limits does not answer, so nobody can sign in. Everything else works."""

    code = "limits_unavailable"
    message = "Sign-in attempts cannot be counted now, so nobody can sign in. Try again soon."
