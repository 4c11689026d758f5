"""Roles on the wire."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from rollbook.access.permissions import Permission
from rollbook.kit.listing import PageRequest
from rollbook.kit.schemas import Id, In, Matches, Out, PageQuery, Timestamp, may_be_left_out
from rollbook.kit.text import CONTROLS

NAME = Matches(r"^[a-z][a-z0-9_-]{0,49}$", "1 to 50 of the characters a-z 0-9 _ -, the first a letter.")

RoleName = Annotated[str, Field(examples=["support"]), NAME]
ONE_LINE = Matches(rf"^[^{CONTROLS}]*$", "No control characters, line breaks or changes of direction.")
Description = Annotated[str, Field(max_length=200, examples=["Answers the telephone."]), ONE_LINE]
Permissions = Annotated[
    list[Permission],
    Field(max_length=len(Permission), examples=[["users:list", "users:read"]], strict=False),
    AfterValidator(lambda given: sorted(set(given))),
]


class RoleCreate(In):
    """A new role: a name for what its users may do."""

    name: RoleName
    description: Description = ""
    permissions: Permissions


class RolePut(In):
    """What a role is from now on. A field left out stays as it is."""

    description: Description = may_be_left_out()
    permissions: Permissions = may_be_left_out()


class RoleQuery(PageQuery):
    def page_request(self) -> PageRequest:
        return self.paged([("name", 1), ("_id", 1)])


class RoleOut(Out):
    """A role. `built_in`: it belongs to rollbook and cannot be deleted."""

    tagged: ClassVar = True

    id: Id
    name: Annotated[str, Field(examples=["support"])]
    description: Annotated[str, Field(examples=["Answers the telephone."])]
    permissions: Annotated[list[Permission], Field(examples=[["users:list", "users:read"]])]
    built_in: Annotated[bool, Field(examples=[False])]
    created_at: Timestamp
    updated_at: Timestamp
    version: Annotated[int, Field(ge=1, examples=[1])]
