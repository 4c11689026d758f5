"""Roles in requests and responses."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from rollbook.kit.field_types import Id, Pattern, Timestamp
from rollbook.kit.listing import PageRequest
from rollbook.kit.schemas import In, Out, PageQuery, omittable
from rollbook.permissions.schemas import ONE_LINE, AnyName

MAX_PERMISSIONS = 600
"""Of one role, of which rollbook has less than 100."""
A_LIMIT = "[1-9][0-9]{0,8}/([1-9][0-9]{0,3} )?(second|minute|hour|day)"
LIMIT = Pattern(
    f"^{A_LIMIT}(;{A_LIMIT}){{0,3}}$",
    "A limit, such as 500/hour, or several: 30/second;500/minute.",
)
NAME = Pattern(
    r"^[a-z][a-z0-9_-]{0,49}$", "1 to 50 of the characters a-z 0-9 _ -, the first one a letter."
)

RoleName = Annotated[str, Field(examples=["support"]), NAME]
Description = Annotated[str, Field(max_length=200, examples=["Answers the telephone."]), ONE_LINE]


Limit = Annotated[str, LIMIT]
Permissions = Annotated[
    list[AnyName],
    Field(max_length=MAX_PERMISSIONS, examples=[["users:list", "users:read"]]),
    AfterValidator(lambda given: sorted(set(given))),
]


class RoleLimits(In):
    """Limits for each user of the role. Null means RATELIMIT_READ and RATELIMIT_WRITE."""

    read: Annotated[Limit | None, Field(examples=["5000/hour"])] = None
    write: Annotated[Limit | None, Field(examples=["500/hour"])] = None


class RoleLimitsOut(Out):
    """Null means RATELIMIT_READ and RATELIMIT_WRITE."""

    read: Annotated[str | None, Field(examples=["5000/hour"])] = None
    write: Annotated[str | None, Field(examples=["500/hour"])] = None


class RoleCreate(In):
    """A new role: a name for what its users may do."""

    name: RoleName
    description: Description = ""
    permissions: Permissions
    limits: RoleLimits = RoleLimits()


class RolePut(In):
    """What to change of a role. A field that is left out stays as it is."""

    description: Description = omittable()
    permissions: Permissions = omittable()
    limits: RoleLimits = omittable()


class RoleQuery(PageQuery):
    def page_request(self) -> PageRequest:
        return self.to_page_request([("name", 1), ("_id", 1)])


class RoleOut(Out):
    """A role. One that is `built_in` cannot be deleted."""

    has_etag: ClassVar = True

    id: Id
    name: Annotated[str, Field(examples=["support"])]
    description: Annotated[str, Field(examples=["Answers the telephone."])]
    permissions: Annotated[list[str], Field(examples=[["users:list", "users:read"]])]
    limits: Annotated[RoleLimitsOut, Field(examples=[{"read": "5000/hour", "write": None}])]
    built_in: Annotated[bool, Field(examples=[False])]
    created_at: Timestamp
    updated_at: Timestamp
    version: Annotated[int, Field(ge=1, examples=[1])]
