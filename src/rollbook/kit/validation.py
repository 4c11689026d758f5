"""Translation of Pydantic's errors into the details of an error response."""

from typing import Any

from pydantic import ValidationError

from rollbook.kit.errors import Detail

MAX_DETAILS = 20
"""An error response lists at most this many details."""
MAX_FIELD_LENGTH = 100
"""A longer field name is cut, since the client may have made it up."""

_FAULTS = {
    "missing": ("missing", "This field is required."),
    "extra_forbidden": ("unknown", "This field is not accepted here. Remove it."),
    "model_type": ("wrong_type", "Send a JSON object."),
    "string_type": ("wrong_type", "Send a string."),
    "bool_type": ("wrong_type", "Send true or false."),
    "string_too_short": ("too_short", "At least {min_length} characters."),
    "string_too_long": ("too_long", "At most {max_length} characters."),
    "too_long": ("too_long", "At most {max_length} items."),
    "list_type": ("wrong_type", "Send a list."),
    "enum": ("not_one_of", "One of {expected}."),
    "int_parsing": ("not_a_number", "Send a whole number."),
    "int_parsing_size": ("out_of_range", "Send a smaller number."),
    "greater_than_equal": ("out_of_range", "At least {ge}."),
    "less_than_equal": ("out_of_range", "At most {le}."),
}
"""Pydantic's error type → our stable code and a message, filled in from Pydantic's context."""


def render_details(error: ValidationError) -> list[Detail]:
    """Render the first MAX_DETAILS errors. A detail never repeats the value that was sent."""
    faults = error.errors(include_input=False, include_url=False)
    return [_render_detail(fault) for fault in faults[:MAX_DETAILS]]


def render_unknown_field(name: str) -> Detail:
    """Render the detail for a field that the schema does not have."""
    return Detail(name[:MAX_FIELD_LENGTH], *_FAULTS["extra_forbidden"])


def _render_detail(fault: Any) -> Detail:
    field = ".".join(map(str, fault["loc"]))[:MAX_FIELD_LENGTH]
    context = fault.get("ctx", {})
    kind = fault["type"]
    if kind in ("too_short", "too_long") and context["field_type"] != "List":
        kind = f"string_{kind}"  # Pydantic counts a SecretStr as a sequence.
    if kind not in _FAULTS:
        return Detail(field, kind, fault["msg"])
    code, message = _FAULTS[kind]
    return Detail(field, code, message.format_map(context))
