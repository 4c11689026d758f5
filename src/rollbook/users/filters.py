"""Which users a list contains. `UserQuery` declares a Filter for each of its parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rollbook.kit.schemas import PageQuery, collect_declared
from rollbook.users.search import find_pair, parse_words

HIGHEST_CHARACTER = "\U0010ffff"
PAIR_INDEX = "found_by_words"
SEARCHED_KEYS = ("name_key", "username_key", "email_key")
ANY_BOOLEAN = {"$in": [False, True]}
"""With both values named, MongoDB merges two ranges of an index in order instead of sorting."""
NOT_FILTERS = {*PageQuery.model_fields, "sort", "fields"}
"""Parameters that choose the page, its order and what to show of it."""


@dataclass(frozen=True)
class Filter:
    """The users whose stored `field` compares to the value of the parameter.

    `index` is the index that finds them; None when every list index begins with the field.
    `is_tallied`: their number can be read from the tallies. Otherwise they are counted, up to a
    limit.
    """

    field: str
    index: str | None
    operator: str = "$eq"
    normalize: Callable[[Any], Any] = lambda value: value
    is_tallied: bool = False

    def build_query(self, value: Any) -> dict[str, Any]:
        """Build a MongoDB filter. The value follows an operator, so it cannot be one itself."""
        return {self.field: {self.operator: self.normalize(value)}}

    def find_index(self, value: Any) -> str | None:  # noqa: ARG002 - for subclasses
        """Return the index to use for this value. None when MongoDB chooses well."""
        return None


class FlagFilter(Filter):
    """The users with a flag, or without it. Those of an earlier version have none."""

    def build_query(self, value: bool) -> dict[str, Any]:
        return {self.field: True if value else {"$in": [False, None]}}


class WordsFilter(Filter):
    """The users who have, for each word of the value, a word that begins with it."""

    def build_query(self, value: str) -> dict[str, Any]:
        words = parse_words(value)
        conditions = [{"words": {"$elemMatch": _match_prefix(word)}} for word in words]
        pair = find_pair(words)
        return {"$and": [*([{"word_pairs": {"$eq": pair}}] if pair else []), *conditions]}

    def find_index(self, value: str) -> str | None:
        """Return the index of the pairs, where MongoDB might take one of two common words."""
        return PAIR_INDEX if find_pair(parse_words(value)) else None


class DeletedFilter(Filter):
    """Deleted users are left out, unless the value is true."""

    def build_query(self, value: bool) -> dict[str, Any]:
        return {self.field: ANY_BOOLEAN if value else False}


@dataclass(frozen=True)
class Selection:
    """The filters of one request. `values`: parameter → value, of the parameters that are set."""

    values: Mapping[str, Any]
    filters: Mapping[str, Filter]

    def get(self, parameter: str) -> Any:
        """Return the value. None when the parameter is not set."""
        return self.values.get(parameter)

    @property
    def is_tallied(self) -> bool:
        """Whether the total can be read from the tallies."""
        return all(self.filters[name].is_tallied for name in self.values)

    @property
    def is_narrow(self) -> bool:
        """Whether a filter has an index of its own, and so perhaps finds only a few users."""
        return any(self.filters[name].index for name in self.values)

    def find_index(self) -> str | None:
        """Return the index to use. None when MongoDB chooses well."""
        chosen = (self.filters[name].find_index(value) for name, value in self.values.items())
        return next(filter(None, chosen), None)

    def build_query(self) -> dict[str, Any]:
        """Build a MongoDB filter. Several filters of one field, such as a range, all apply."""
        query: dict[str, Any] = {}
        for name, value in self.values.items():
            for field, condition in self.filters[name].build_query(value).items():
                known = query.get(field)
                if isinstance(known, dict) and isinstance(condition, dict):
                    condition = {**known, **condition}
                query[field] = condition
        return {"is_deleted": False, "is_active": ANY_BOOLEAN, **query}


EVERYONE = Selection({}, {})


def collect_filters(schema: type[PageQuery]) -> dict[str, Filter]:
    """Collect the Filter of every parameter. Raises: TypeError, for a parameter without one."""
    return collect_declared(
        schema,
        Filter,
        without=NOT_FILTERS,
        hint="{schema}.{name} would be ignored. Declare it in users/queries.py as "
        '{name}: Annotated[..., Filter("<stored field>", index="<its index>")].',
    )


def _match_prefix(prefix: str) -> dict[str, str]:
    return {"$gte": prefix, "$lt": prefix + HIGHEST_CHARACTER}
