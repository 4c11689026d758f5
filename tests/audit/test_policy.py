"""Who is told what of an entry."""

import pytest

from rollbook.access.permissions import Permission
from rollbook.access.principal import ActorKind, Principal
from rollbook.audit.policy import OF_THE_ACTOR, told_to

READER = "a" * 24
WHERE = dict.fromkeys(OF_THE_ACTOR, "there")
CHANGES = {"name": {"before": "A", "after": "B"}}


@pytest.mark.parametrize(
    ("permissions", "actor", "target", "shows_where", "shows_changes"),
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
def test_what_is_told_is_ones_own(permissions, actor, target, shows_where, shows_changes):
    reader = Principal(ActorKind.USER, READER, frozenset(permissions))
    entry = {"actor_type": actor[0], "actor_id": actor[1], "target_type": target[0], "target_id": target[1]}
    told = told_to(reader, entry | WHERE | {"changes": CHANGES})
    assert {name: told[name] for name in OF_THE_ACTOR} == (WHERE if shows_where else dict.fromkeys(OF_THE_ACTOR))
    assert told["changes"] == (CHANGES if shows_changes else {})
