"""Permissions of one's own in requests and responses."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from rollbook.access.permissions import RESERVED_NAMESPACES, Permission
from rollbook.kit.field_types import Id, Pattern, Timestamp
from rollbook.kit.listing import PageRequest
from rollbook.kit.schemas import In, Out, PageQuery
from rollbook.kit.text import CONTROLS

NAME = Pattern(
    r"^[a-z][a-z0-9_-]{0,49}:[a-z][a-z0-9_-]{0,49}$",
    "A namespace and a name, such as orders:read: each of a-z 0-9 _ -, a letter first.",
)
ONE_LINE = Pattern(rf"^[^{CONTROLS}]*$", "No control characters, line breaks or direction marks.")


def is_reserved(name: str) -> bool:
    """Return whether the namespace is one of rollbook's own."""
    return name.partition(":")[0] in RESERVED_NAMESPACES


def _refuse_reserved(name: str) -> str:
    if is_reserved(name):
        message = f"These namespaces are reserved: {', '.join(sorted(RESERVED_NAMESPACES))}."
        raise PydanticCustomError("reserved", "{message}", {"message": message})
    return name


def _refuse_unknown(name: str) -> str:
    """Refuse what cannot be a permission. Whether one of one's own exists, the service checks."""
    if is_reserved(name) and name not in set(Permission):
        raise PydanticCustomError("not_one_of", f"One of {', '.join(Permission)}.")
    return name


OwnName = Annotated[str, Field(examples=["orders:read"]), NAME, AfterValidator(_refuse_reserved)]
AnyName = Annotated[str, Field(examples=["users:list"]), NAME, AfterValidator(_refuse_unknown)]
"""One of rollbook's permissions, or one's own."""


class PermissionCreate(In):
    """A permission of one's own. rollbook gives it to roles, and other services read it."""

    name: OwnName
    description: Annotated[
        str, Field(max_length=200, examples=["Reads the orders of everyone."]), ONE_LINE
    ] = ""


class PermissionQuery(PageQuery):
    def page_request(self) -> PageRequest:
        return self.to_page_request([("name", 1), ("_id", 1)])


class PermissionOut(Out):
    """A permission of one's own."""

    id: Id
    name: Annotated[str, Field(examples=["orders:read"])]
    description: Annotated[str, Field(examples=["Reads the orders of everyone."])]
    created_at: Timestamp
