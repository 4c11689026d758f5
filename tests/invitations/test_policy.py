"""The rules about invitations."""

import pytest

from rollbook.access.principal import COMMAND_LINE, ActorKind, Principal
from rollbook.invitations.policy import is_still_granted, require_may_invite
from rollbook.kit.errors import Forbidden

GRANTED = frozenset({"users:list"})


@pytest.mark.parametrize(
    ("held", "lacking"),
    [
        ({"users:invite"}, "users:set_role"),
        ({"users:invite", "users:list"}, "users:set_role"),
        ({"users:invite", "users:set_role"}, "users:list"),
    ],
)
def test_role_needs_the_right_to_grant_it(held, lacking):
    actor = Principal(ActorKind.USER, "1" * 24, frozenset(held))
    with pytest.raises(Forbidden, match=lacking):
        require_may_invite(actor, GRANTED)


def test_who_holds_everything_invites_to_a_role():
    held = frozenset({"users:invite", "users:set_role", "users:list"})
    require_may_invite(Principal(ActorKind.USER, "1" * 24, held), GRANTED)
    require_may_invite(COMMAND_LINE, GRANTED)


@pytest.mark.parametrize(
    ("role", "held", "granted", "expected"),
    [
        ("admin", set(), GRANTED, True),
        ("user", set(), None, False),
        ("recruiter", {"users:invite"}, None, True),
        ("recruiter", {"users:invite"}, GRANTED, False),
        ("recruiter", {"users:invite", "users:set_role"}, GRANTED, False),
        ("recruiter", {"users:invite", "users:list"}, GRANTED, False),
        ("recruiter", {"users:invite", "users:set_role", "users:list"}, GRANTED, True),
        ("recruiter", {"users:set_role", "users:list"}, GRANTED, False),
    ],
)
def test_rights_of_the_inviter_at_the_acceptance(role, held, granted, expected):
    assert is_still_granted(role, held, granted) is expected
