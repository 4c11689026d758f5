"""Which parts of an audit entry a reader sees."""

import pytest

from rollbook.access.permissions import Permission
from rollbook.access.principal import ActorKind, Principal
from rollbook.audit.policy import ORIGIN_FIELDS, redact_for

READER = "a" * 24
ORIGIN = dict.fromkeys(ORIGIN_FIELDS, "there")
CHANGES = {"name": {"before": "A", "after": "B"}}


@pytest.mark.parametrize(
    ("permissions", "actor", "target", "shows_origin", "shows_changes"),
    [
        (set(), ("user", READER), ("user", READER), True, True),
        (set(), ("user", READER), ("user", "other"), True, False),
        (set(), ("user", READER), ("role", READER), True, False),
        (set(), ("user", "other"), ("user", READER), False, True),
        (set(), ("anonymous", None), ("user", READER), True, True),
        (set(), ("cli", None), ("user", READER), True, True),
        ({Permission.USERS_READ}, ("user", "other"), ("user", "other"), False, False),
        ({Permission.AUDIT_READ}, ("user", "other"), ("user", "other"), True, True),
    ],
)
def test_reader_sees_only_own_origin_and_changes(
    permissions, actor, target, shows_origin, shows_changes
):
    reader = Principal(ActorKind.USER, READER, frozenset(permissions))
    entry = {
        "actor_type": actor[0],
        "actor_id": actor[1],
        "target_type": target[0],
        "target_id": target[1],
    }
    redacted = redact_for(reader, entry | ORIGIN | {"changes": CHANGES})
    assert {name: redacted[name] for name in ORIGIN_FIELDS} == (
        ORIGIN if shows_origin else dict.fromkeys(ORIGIN_FIELDS)
    )
    assert redacted["changes"] == (CHANGES if shows_changes else {})
