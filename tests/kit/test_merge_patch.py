"""JSON Merge Patch: the examples of RFC 7396, Appendix A, and the way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollbook.kit.merge_patch import build_patch, merge

EXAMPLES = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "result"), EXAMPLES)
def test_examples_of_the_rfc(target, patch, result):
    assert merge(target, patch) == result


names = st.text("abc", min_size=1, max_size=2)
values = st.recursive(
    st.integers(0, 2) | st.booleans() | st.text("xy", max_size=1),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(names, values, max_size=4)


@given(objects, objects)
def test_built_patch_turns_one_object_into_the_other(before, after):
    changed = merge(before, build_patch(before, after))
    assert repr(sort(changed)) == repr(sort(after))


def sort(value):
    """With members in order, so that true and 1 differ."""
    if isinstance(value, dict):
        return [(name, sort(value[name])) for name in sorted(value)]
    return [sort(item) for item in value] if isinstance(value, list) else value
