"""Which users a list has."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rollbook.kit.text import fold
from rollbook.users import references

HIGHEST = "\U0010ffff"
BEGINNINGS = ("name_key", "username_key", "email_key")
"""What `q` looks at."""
EITHER = {"$in": [False, True]}
"""Both values named, so that MongoDB merges two parts of an index in order, in place of sorting."""


@dataclass(frozen=True)
class Filters:
    """`q`: what a name, username or e-mail address begins with, in any spelling; None: everyone.

    A part of a domain is meant in its ASCII form: there is no telling what it would be as a whole.
    """

    role: str | None = None
    is_active: bool | None = None
    email: str | None = None
    username: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    q: str | None = None
    include_deleted: bool = False

    @property
    def only_of_kind(self) -> bool:
        """Nothing asked but what users are tallied by."""
        others = (self.email, self.username, self.created_after, self.created_before, self.q)
        return all(value is None for value in others)

    @property
    def narrows(self) -> bool:
        """Asked for something that finds few, perhaps, in an index of its own."""
        return self.role is not None or not self.only_of_kind

    def query(self) -> dict[str, Any]:
        """For MongoDB: every value stands after an operator, so that none can be one."""
        query: dict[str, Any] = {
            "is_deleted": EITHER if self.include_deleted else False,
            "is_active": EITHER if self.is_active is None else self.is_active,
        }
        if self.role is not None:
            query["role"] = {"$eq": self.role}
        if self.email is not None:
            query["email_key"] = {"$eq": references.email_key(self.email)}
        if self.username is not None:
            query["username_key"] = {"$eq": references.username_key(self.username)}
        bounds = {"$gt": self.created_after, "$lt": self.created_before}
        if created := {operator: moment for operator, moment in bounds.items() if moment is not None}:
            query["created_at"] = created
        if self.q is not None:
            name, email = fold(self.q), references.find_email_key(self.q) or fold(self.q)
            begun = {"name_key": name, "username_key": name, "email_key": email}
            query["$or"] = [_begins(field, prefix) for field, prefix in begun.items()]
        return query


EVERYONE = Filters()


def _begins(field: str, prefix: str) -> dict[str, Any]:
    return {field: {"$gte": prefix, "$lt": prefix + HIGHEST}}
