"""Every operation, by every caller, on every kind of user, is what the contract says."""

import os
from pathlib import Path

import pytest

from rollbook.roles.built_in import PERMISSIONS
from rollbook.users.field_rules import FieldRule
from tests.access import matrix
from tests.access.expected import ADMINS, MODERATORS, SIGNED_IN, load_expected

PAGE = Path(__file__).parents[2] / "docs" / "authorization.md"
WITHOUT_ROW = (
    "add it to OPERATIONS in tests/access/expected.py, or in tests/<feature>/expected_access.py"
)


def interpret(status: int) -> str:
    known = {401: "who", 403: "no", 404: "unknown"}
    return known.get(status, "yes" if status < 300 else str(status))


def expect_field(rule: FieldRule) -> dict[str, dict[str, str]]:
    """Who may set a field, by its FieldRule."""
    holders = MODERATORS if rule.permission in PERMISSIONS["moderator"] else ADMINS
    return {"own": SIGNED_IN if rule.by_owner else holders, "other": holders, "admin": ADMINS}


@pytest.fixture
def world(make_app, services, stored):
    app = make_app(**matrix.EVERYTHING_ON)
    return matrix.World(app, services, stored), matrix.list_routes(app)


def find_missing(routes, expected):
    """Operations without a row, and rows without an operation."""
    return {route.operation for route in routes} ^ expected.keys()


def test_every_operation_has_a_row_in_the_contract(world):
    _, routes = world
    expected = load_expected()
    assert find_missing(routes, expected) == set(), WITHOUT_ROW
    del expected["put_role"]
    assert find_missing(routes, expected) == {"put_role"}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_cell_matches_the_contract_and_the_page(world):
    world, routes = world
    expected, by_route, by_field, wrong = load_expected(), {}, {}, []
    for route, caller, target in matrix.list_cells(routes):
        status = world.attempt(route, caller, target)
        by_route.setdefault((route, target), {})[caller] = status
        if interpret(status) != expected[route.operation][target][caller]:
            wrong.append((route.method, route.path, target, caller, status))
    for field, rule in matrix.list_fields().items():
        for target, cells in expect_field(rule).items():
            for caller in matrix.CALLERS[target == "own" :]:
                status = world.attempt_field(field, caller, target)
                by_field.setdefault((field, target), {})[caller] = status
                if interpret(status) != cells[caller]:
                    wrong.append((field, target, caller, status))
    assert wrong == []
    assert sum(map(len, by_route.values())) + sum(map(len, by_field.values())) > 200
    page = matrix.render_page(by_route, by_field)
    if os.environ.get("WRITE_AUTHORIZATION"):
        PAGE.write_text(page)
    assert PAGE.read_text() == page, "run make authorization"
