"""The contract of who may do what. It is written by hand, not derived from the code.

A feature adds its own operations in `tests/<feature>/expected_access.py`.
"""

import importlib.util
from pathlib import Path
from typing import Any

CALLERS = ("anonymous", "user", "moderator", "admin")
PUBLIC = dict.fromkeys(CALLERS, "yes")
SIGNED_IN = PUBLIC | {"anonymous": "who"}
MODERATORS = SIGNED_IN | {"user": "no"}
ADMINS = MODERATORS | {"moderator": "no"}
NOT_FOUND = SIGNED_IN | dict.fromkeys(CALLERS[1:], "unknown")
"""Caller → `yes`, `who` (401), `no` (403), `unknown` (404) or another status."""

OWN_OR_MODERATORS = {"own": SIGNED_IN, "other": MODERATORS, "admin": MODERATORS}
OWN_OR_AUTHORITY = {"own": SIGNED_IN, "other": MODERATORS, "admin": ADMINS}
OWN_OR_ADMINS = {"own": SIGNED_IN, "other": ADMINS, "admin": ADMINS}

Cells = dict[str | None, dict[str, str]]
"""Whose it is → what each caller may do. None for what belongs to no user."""

OPERATIONS: dict[str, Cells] = {
    "ping": {None: PUBLIC},
    "health": {None: PUBLIC},
    "ready": {None: PUBLIC},
    "read_jwks": {None: PUBLIC},
    "read_server_metadata": {None: PUBLIC},
    "introspect": {None: dict.fromkeys(CALLERS, "who")},
    "/openapi.json": {None: PUBLIC},
    "/metrics": {None: PUBLIC},
    "/docs": {None: PUBLIC},
    "read_password_policy": {None: PUBLIC},
    "read_metadata_schemas": {None: SIGNED_IN},
    "login": {None: PUBLIC},
    "refresh": {None: PUBLIC},
    "logout": {None: SIGNED_IN},
    "read_me": {None: SIGNED_IN},
    "list_sessions": {None: SIGNED_IN},
    "end_other_sessions": {None: SIGNED_IN},
    "end_session": {"own": SIGNED_IN, "other": NOT_FOUND, "admin": NOT_FOUND},
    "create_user": {None: PUBLIC},
    "list_users": {None: MODERATORS},
    "read_user": OWN_OR_MODERATORS,
    "change_user": OWN_OR_AUTHORITY,
    "update_user": OWN_OR_AUTHORITY,
    "delete_user": OWN_OR_ADMINS,
    "list_deleted_users": {None: ADMINS},
    "purge_user": {"own": ADMINS, "other": ADMINS, "admin": ADMINS},
    "restore_user": {"own": ADMINS | {"admin": "409"}, "other": ADMINS, "admin": ADMINS},
    "list_user_history": OWN_OR_ADMINS,
    "list_audit": {None: SIGNED_IN},
    "list_user_sessions": OWN_OR_MODERATORS,
    "end_user_sessions": OWN_OR_AUTHORITY,
    "create_role": {None: ADMINS},
    "list_roles": {None: MODERATORS},
    "read_role": {None: MODERATORS},
    "put_role": {None: ADMINS},
    "delete_role": {None: ADMINS},
}


def load_expected() -> dict[str, Cells]:
    """OPERATIONS, and what `expected_access.py` of each feature's tests adds."""
    expected: dict[str, Any] = dict(OPERATIONS)
    for path in sorted(Path(__file__).parents[1].glob("*/expected_access.py")):
        spec = importlib.util.spec_from_file_location(f"{path.parent.name}_access", path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        expected |= module.OPERATIONS
    return expected
