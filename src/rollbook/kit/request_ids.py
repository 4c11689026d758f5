"""The id of a request: what its line in the log and its response have in common."""

import re
import uuid

# Without @: the id is logged, and an e-mail address must not be.
_SAFE = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


def choose_request_id(given: str) -> str:
    """Return the id that the client gave in X-Request-ID, if it is safe, or a new one."""
    return given if _SAFE.fullmatch(given) else uuid.uuid4().hex
