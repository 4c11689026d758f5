"""No schedule lets a worker use a session after the answer to its end."""

import pytest

from tests.caching.protocol import BREAKS, Protocol, search

pytestmark = pytest.mark.long
ALL = 2_000_000
"""More states than there are, so that the search ends by itself."""


def test_no_schedule_serves_a_revoked_session():
    schedule, states = search(Protocol(), max_states=ALL)
    assert schedule is None
    assert 100_000 < states < ALL
    print(f"{states:,} states of the protocol, none of them serves a revoked session")


@pytest.mark.parametrize("broken", BREAKS)
def test_broken_protocol_is_found(broken):
    schedule, _ = search(Protocol(broken), max_states=ALL)
    assert schedule is not None
