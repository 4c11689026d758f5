"""From what a client sends to what is stored: values, keys for indexes, and merged metadata."""

from collections.abc import Mapping, Set
from datetime import datetime
from typing import Any

from rollbook.kit.merge_patch import is_same
from rollbook.metadata.values import KINDS, merge_metadata
from rollbook.users import references, search
from rollbook.users.schemas import FIELD_RULES

STORED_FIELDS = tuple(name for name, rule in FIELD_RULES.items() if rule.stored)
"""The fields that are stored as they are sent."""


def build_stored_fields(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Build the stored fields from what was `sent`: the values, and the keys that indexes use."""
    fields = {name: sent[name] for name in STORED_FIELDS if name in sent}
    if "name" in fields:
        fields["name_key"] = references.get_name_key(fields["name"])
    if "email" in fields:
        fields["email_key"] = references.get_email_key(fields["email"])
        fields["email_skeleton"] = references.get_email_skeleton(fields["email"])
    if "username" in fields:
        username = fields["username"]
        fields["username_key"] = username and references.get_username_key(username)
    return fields


def build_verification(
    fields: Mapping[str, Any], at: datetime, *, wanted: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Build whether the address is verified, and since when, when `fields` change that.

    A new address is not verified, unless `email_verified` is among the fields that are `wanted`.
    """
    if fields.keys().isdisjoint({"email_verified", "email_key"}):
        return {}
    is_verified = bool({**(wanted or {}), **fields}.get("email_verified", False))
    return {"email_verified": is_verified, "email_verified_at": at if is_verified else None}


def build_search_fields(before: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Build the stored fields that `q` searches, when `fields` change them.

    `before` is the user, or None for a new one.
    """
    if fields.keys().isdisjoint(search.SEARCHED_FIELDS):
        return {}
    values = {n: fields.get(n, getattr(before, n, None)) for n in search.SEARCHED_FIELDS}
    email = values.pop("email")
    words = search.list_words(values.values(), email)
    return {"words": words, "word_pairs": search.list_pairs(words)}


def find_differences(before: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Find the `wanted` fields whose stored value differs. Metadata is merged into the stored.

    Raises: ValidationFailed, when merged metadata is too large.
    """
    differences = {}
    for name, value in wanted.items():
        stored = getattr(before, name)
        if name in KINDS:
            merged = merge_metadata(name, stored, value)
            if not is_same(stored, merged):
                differences[name] = merged
        elif stored != value:
            differences[name] = value
    return differences


def get_public_names(stored_fields: Set[str]) -> set[str]:
    """Translate the names of stored fields to their names in the API."""
    public = {
        "password_hash": "password",
        "email_skeleton": "email",
        "pending_email": "email",
    }
    return {public.get(name, name.removesuffix("_key")) for name in stored_fields}
