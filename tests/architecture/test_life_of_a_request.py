"""docs/life-of-a-request.md names functions in the order in which a request calls them."""

import re
import sys
from pathlib import Path

import pytest

import rollbook
from tests import people
from tests.conftest import ADA

ROOT = Path(__file__).parents[2]
SOURCE = Path(rollbook.__file__).parent
STEP = re.compile(r"`(src/rollbook/[\w/]+\.py)`[^`]*?`(\w+)`")


def parse_steps(page: str) -> list[tuple[str, str]]:
    """(path, function), in the order of the page."""
    return STEP.findall(page)


@pytest.fixture
def called(guarded, services, stored):
    """(path, function) of a POST /api/users, each at its first call."""
    admin = people.person(services, guarded, "root", role="admin")
    order = {}

    def record(frame, event, argument):
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(SOURCE):
            name = path.relative_to(SOURCE).as_posix()
            order.setdefault((f"src/rollbook/{name}", frame.f_code.co_name), len(order))

    sys.setprofile(record)
    try:
        response = admin.post("/api/users", json=ADA, headers={"Idempotency-Key": "once"})
    finally:
        sys.setprofile(None)
    assert response.status_code == 201
    return list(order)


def find_first_disorder(steps, called):
    """The first step that is not called, or called before the one above it."""
    position = -1
    for step in steps:
        if step not in called:
            return f"{step} is not called"
        if called.index(step) < position:
            return f"{step} is called earlier"
        position = called.index(step)
    return None


def test_page_has_the_order_of_the_calls(called):
    steps = parse_steps((ROOT / "docs" / "life-of-a-request.md").read_text())
    assert len(steps) > 15
    assert find_first_disorder(steps, called) is None
    assert "earlier" in find_first_disorder([steps[3], steps[2]], called)
    assert "not called" in find_first_disorder([("src/rollbook/app.py", "nothing")], called)
