"""Roles in requests and responses."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from rollbook.access.permissions import Permission
from rollbook.kit.field_types import Id, Pattern, Timestamp
from rollbook.kit.listing import PageRequest
from rollbook.kit.schemas import In, Out, PageQuery, omittable
from rollbook.kit.text import CONTROLS

NAME = Pattern(
    r"^[a-z][a-z0-9_-]{0,49}$", "1 to 50 of the characters a-z 0-9 _ -, the first one a letter."
)
ONE_LINE = Pattern(rf"^[^{CONTROLS}]*$", "No control characters, line breaks or direction marks.")

RoleName = Annotated[str, Field(examples=["support"]), NAME]
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
    """What to change of a role. A field that is left out stays as it is."""

    description: Description = omittable()
    permissions: Permissions = omittable()


class RoleQuery(PageQuery):
    def page_request(self) -> PageRequest:
        return self.to_page_request([("name", 1), ("_id", 1)])


class RoleOut(Out):
    """A role. One that is `built_in` cannot be deleted."""

    has_etag: ClassVar = True

    id: Id
    name: Annotated[str, Field(examples=["support"])]
    description: Annotated[str, Field(examples=["Answers the telephone."])]
    permissions: Annotated[list[Permission], Field(examples=[["users:list", "users:read"]])]
    built_in: Annotated[bool, Field(examples=[False])]
    created_at: Timestamp
    updated_at: Timestamp
    version: Annotated[int, Field(ge=1, examples=[1])]
