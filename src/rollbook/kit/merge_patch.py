"""JSON Merge Patch (RFC 7396)."""

import json
from collections.abc import Mapping
from typing import Any


def merge(target: Any, patch: Any) -> Any:
    """Return `target` with `patch` applied (RFC 7396 §2). Null removes a member."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def build_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Build the patch that turns `before` into `after`, in which null means absent."""
    patch: dict[str, Any] = dict.fromkeys(before.keys() - after.keys())
    for name, value in after.items():
        known = before.get(name)
        if isinstance(value, Mapping) and isinstance(known, Mapping):
            if changed := build_patch(known, value):
                patch[name] = changed
        elif name not in before or not is_same(value, known):
            patch[name] = value
    return patch


def is_same(one: Any, other: Any) -> bool:
    """Compare as JSON does: for Python, true and 1 are equal."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
