"""No telling how much is too much."""

from rollbook.kit.errors import Unavailable


class LimitsUnavailable(Unavailable):
    code = "limits_unavailable"
    message = "Attempts cannot be counted at this moment, so nobody can sign in. Try again soon."
