"""Hooks for schemathesis: formats and rules that the OpenAPI document cannot express."""

import ast
import re
import threading

import schemathesis
from hypothesis import strategies as st

_parse, _parsing = ast.parse, threading.Lock()


def parse_alone(*arguments, **options):
    """Python 3.11 raises SystemError when two threads parse at once, as hypothesis does here."""
    with _parsing:
        return _parse(*arguments, **options)


ast.parse = parse_alone

LETTERS = "abcdefghijklmnopqrstuvwxyz"
words = st.text(LETTERS, min_size=3, max_size=12)

schemathesis.openapi.format(
    "email", st.builds(lambda user, host: f"{user}@{host}.example.com", words, words)
)
any_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=12, max_size=60)
schemathesis.openapi.format("password", any_text.map(lambda text: f"xyz lantern kettle {text} zyx"))


NAME = "[a-z][a-z0-9_-]{0,49}"
METADATA = ("metadata", "app_metadata", "private_metadata")


@schemathesis.hook
def map_body(context, body):
    """Use roles and permissions that exist, and flat metadata: schemas cannot say either.

    The schema accepts any name and any depth.
    """
    if not isinstance(body, dict):
        return body
    if re.fullmatch(NAME, str(body.get("role", ""))):
        body["role"] = "user"
    if are_permissions(body.get("permissions")):
        body["permissions"] = ["users:list"] * bool(body["permissions"])
    for kind in METADATA:
        if isinstance(body.get(kind), dict):
            body[kind] = dict.fromkeys(body[kind], "blue")
    return body


def are_permissions(value):
    """Whether the schema accepts the list."""
    is_short = isinstance(value, list) and len(value) <= 600
    return is_short and all(re.fullmatch(f"{NAME}:{NAME}", str(each)) for each in value)


@schemathesis.hook
def before_call(context, case, *_):
    """Leave out headers and parameters for which a correct response looks like a fault.

    The API refuses a generated cursor. To a repeated idempotency key it replays the first response,
    whose user may be deleted by then.
    """
    if case.query and case.meta and case.meta.generation.mode.is_positive:
        case.query.pop("cursor", None)
    if case.headers and case.meta and case.meta.phase.name.value == "stateful":
        case.headers.pop("Idempotency-Key", None)
