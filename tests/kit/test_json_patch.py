"""JSON Patch (RFC 6902) on a flat resource."""

import pytest
from pydantic import ValidationError

from rollbook.kit.json_patch import MAX_OPERATIONS, JsonPatch, PatchConflict

ADA = {"name": "Ada", "phone": None, "is_active": True, "tags": {"a": 1}}


def parse(*operations):
    return JsonPatch.model_validate(list(operations))


@pytest.mark.parametrize(
    ("operations", "changed"),
    [
        ([], {}),
        ([{"op": "replace", "path": "/name", "value": "Grace"}], {"name": "Grace"}),
        ([{"op": "add", "path": "/phone", "value": "+1"}], {"phone": "+1"}),
        ([{"op": "add", "path": "/phone", "value": None}], {}),
        ([{"op": "copy", "from": "/name", "path": "/phone"}], {"phone": "Ada"}),
        ([{"op": "test", "path": "/name", "value": "Ada"}], {}),
        ([{"op": "test", "path": "/phone", "value": None}], {}),
        ([{"op": "add", "path": "/tags/b", "value": 2}], {"tags": {"a": 1, "b": 2}}),
        ([{"op": "replace", "path": "/name", "value": "G", "why": "ignored"}], {"name": "G"}),
    ],
)
def test_operations_are_applied_in_order(operations, changed):
    assert parse(*operations).apply(ADA) == ADA | changed


def test_removed_and_moved_members_are_gone():
    patch = parse({"op": "remove", "path": "/phone"}, {"op": "move", "from": "/name", "path": "/x"})
    assert patch.apply(ADA) == {"is_active": True, "tags": {"a": 1}, "x": "Ada"}


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ({"op": "test", "path": "/name", "value": "Grace"}, "test_failed"),
        ({"op": "test", "path": "/is_active", "value": 1}, "test_failed"),
        ({"op": "test", "path": "/password", "value": None}, "test_failed"),
        ({"op": "remove", "path": "/nothing"}, "no_such_member"),
        ({"op": "replace", "path": "/nothing", "value": 1}, "no_such_member"),
        ({"op": "add", "path": "/name/first", "value": 1}, "no_such_member"),
        ({"op": "add", "path": "/nothing/first", "value": 1}, "no_such_member"),
        ({"op": "move", "from": "/nothing", "path": "/name"}, "no_such_member"),
    ],
)
def test_operation_that_does_not_apply_is_a_conflict(operation, code):
    with pytest.raises(PatchConflict) as raised:
        parse({"op": "replace", "path": "/name", "value": "G"}, operation).apply(ADA)
    assert [(each.field, each.code) for each in raised.value.details] == [("1", code)]
    assert ADA["name"] == "Ada"


@pytest.mark.parametrize(
    "operations",
    [
        {"op": "add"},
        [{"op": "add", "path": "/name"}],
        [{"op": "copy", "path": "/name"}],
        [{"op": "shuffle", "path": "/name"}],
        [{"op": "add", "path": "", "value": {}}],
        [{"op": "add", "path": "name", "value": 1}],
        [{"op": "add", "path": "/a~2", "value": 1}],
        [{"op": "copy", "from": "/tags", "path": "/tags/again"}],
        [{"op": "remove", "path": "/name"}] * (MAX_OPERATIONS + 1),
    ],
)
def test_invalid_patch_is_refused(operations):
    with pytest.raises(ValidationError):
        JsonPatch.model_validate(operations)
