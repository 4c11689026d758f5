"""What schemathesis cannot know of our formats: which texts that fit the schema are also fit to be stored."""

import re

import schemathesis
from hypothesis import strategies as st

LETTERS = "abcdefghijklmnopqrstuvwxyz"
words = st.text(LETTERS, min_size=3, max_size=12)

schemathesis.openapi.format("email", st.builds(lambda who, where: f"{who}@{where}.example.com", words, words))
any_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=12, max_size=60)
schemathesis.openapi.format("password", any_text.map(lambda text: f"xyz lantern kettle {text} zyx"))


@schemathesis.hook
def map_body(context, body):
    """A role has to exist, which no schema says."""
    if isinstance(body, dict) and re.fullmatch("[a-z][a-z0-9_-]{0,49}", str(body.get("role", ""))):
        body["role"] = "user"
    return body


@schemathesis.hook
def before_call(context, case, *_):
    """A cursor comes from a page before; what only looks like one is refused, which is no fault.

    Nor is it one that a repeated create is told of the user it made at first, who may be deleted since.
    """
    if case.query and case.meta and case.meta.generation.mode.is_positive:
        case.query.pop("cursor", None)
    if case.headers and case.meta and case.meta.phase.name.value == "stateful":
        case.headers.pop("Idempotency-Key", None)
