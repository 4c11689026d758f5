"""Messages on the command line."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from rollbook.kit.field_types import Id, Timestamp
from rollbook.kit.listing import PageRequest
from rollbook.kit.schemas import CursorQuery, Out


class MessageQuery(CursorQuery):
    """All messages, the latest first."""

    def page_request(self) -> PageRequest:
        return self.to_page_request([("created_at", -1), ("_id", -1)])


class MessageOut(Out):
    """A stored message, without its text."""

    id: Id
    kind: Annotated[str, Field(examples=["verification"])]
    state: Annotated[str, Field(description="waiting, sent or failed", examples=["sent"])]
    user_id: Annotated[str | None, BeforeValidator(lambda value: value and str(value))] = None
    email: str | None = None
    language: str
    created_at: Timestamp
    due_at: Timestamp | None = None
    attempts: int
    reason: str | None = None
    finished_at: Timestamp | None = None
