"""Sessions in responses."""

from typing import Annotated

from pydantic import AliasChoices, Field

from rollbook.kit.field_types import Timestamp
from rollbook.kit.listing import PageRequest
from rollbook.kit.schemas import Out, PageQuery

A_SESSION_ID = "9f86d081884c7d659a2feaa0c55ad015"


SessionId = Annotated[
    str,
    Field(
        validation_alias=AliasChoices("id", "_id"),
        pattern="^[0-9a-f]{32}$",
        examples=[A_SESSION_ID],
    ),
]


class SessionQuery(PageQuery):
    def page_request(self) -> PageRequest:
        return self.to_page_request([("created_at", -1), ("_id", -1)])


class SessionOut(Out):
    """A session that has not ended. `last_used_at` is its sign-in or its last refresh."""

    id: SessionId
    created_at: Timestamp
    last_used_at: Timestamp
    expires_at: Timestamp
    ip: Annotated[str | None, Field(examples=["203.0.113.7"])] = None
    user_agent: Annotated[str | None, Field(examples=["curl/8.5.0"])] = None
    is_current: Annotated[
        bool, Field(description="the session of this request", examples=[True])
    ] = False
