"""JSON Patch (RFC 6902): the body of a request, and its application to a resource."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import jsonpatch
from jsonpointer import JsonPointerException
from pydantic import BaseModel, ConfigDict, Field, JsonValue, RootModel, model_validator
from pydantic_core import PydanticCustomError

from rollbook.kit.errors import Conflict, Detail

MEDIA_TYPE = "application/json-patch+json"
MAX_OPERATIONS = 100
MAX_DEPTH = 12
"""Of a path, and of a value. Deeper ones could exceed what Python can walk through."""

Pointer = Annotated[
    str,
    Field(
        pattern=rf"^(/([^~/]|~[01])*){{1,{MAX_DEPTH}}}$", max_length=500, examples=["/first_name"]
    ),
]
"""A JSON Pointer (RFC 6901) to a member. The whole resource cannot be replaced."""


class PatchConflict(Conflict):
    """An operation of a JSON Patch cannot be applied (RFC 5789 §2.2). Nothing was changed."""

    code = "patch_conflict"
    message = "An operation cannot be applied to the resource as it is. Nothing was changed."


class PatchOperation(BaseModel):
    """`value` is required to add, replace and test; `from` to move and copy."""

    model_config = ConfigDict(extra="ignore", strict=True)  # RFC 6902 §4: ignore other members.

    op: Annotated[
        Literal["add", "remove", "replace", "move", "copy", "test"], Field(examples=["replace"])
    ]
    path: Pointer
    value: Annotated[JsonValue, Field(examples=["Ada"])] = None
    from_: Annotated[Pointer | None, Field(alias="from")] = None

    @model_validator(mode="after")
    def _require_members(self) -> Self:
        if self.op in ("add", "replace", "test") and "value" not in self.model_fields_set:
            raise PydanticCustomError("missing", "This operation needs `value`.")
        if _is_deeper(self.value, MAX_DEPTH):
            raise PydanticCustomError("bad_format", f"At most {MAX_DEPTH} levels.")
        if self.op in ("move", "copy"):
            if self.from_ is None:
                raise PydanticCustomError("missing", "This operation needs `from`.")
            # A copy into a copy of itself would double the resource with each operation.
            if max(self.from_.count("/"), self.path.count("/")) > 1:
                raise PydanticCustomError("bad_format", "Only whole fields can be moved or copied.")
        return self


Operations = Annotated[
    list[PatchOperation],
    Field(
        max_length=MAX_OPERATIONS,
        examples=[[{"op": "replace", "path": "/first_name", "value": "Ada"}]],
    ),
]


class JsonPatch(RootModel[Operations]):
    """Operations that are applied in order, all or none (RFC 6902)."""

    def apply(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        """Return the changed resource.

        Raises: PatchConflict, which names the operation, when its member does not exist, or a test
        fails.
        """
        changed: dict[str, Any] = dict(resource)
        for number, operation in enumerate(self.root):
            sent = operation.model_dump(by_alias=True, exclude_unset=True)
            try:
                changed = jsonpatch.JsonPatch([sent]).apply(changed)
            except (jsonpatch.JsonPatchException, JsonPointerException):
                raise PatchConflict(details=[_describe(number, operation)]) from None
        return changed


def _describe(number: int, operation: PatchOperation) -> Detail:
    if operation.op == "test":
        return Detail(str(number), "test_failed", "The member does not have this value.")
    return Detail(str(number), "no_such_member", "There is no such member in the resource.")


def _is_deeper(value: Any, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    members = value.values() if isinstance(value, dict) else value
    return depth == 0 or any(_is_deeper(member, depth - 1) for member in members)
