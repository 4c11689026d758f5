"""Sessions on the wire."""

from typing import Annotated

from pydantic import AliasChoices, Field

from rollbook.kit.listing import PageRequest
from rollbook.kit.schemas import Out, PageQuery, Timestamp

A_SESSION = "9f86d081884c7d659a2feaa0c55ad015"


SessionId = Annotated[
    str,
    Field(validation_alias=AliasChoices("id", "_id"), pattern="^[0-9a-f]{32}$", examples=[A_SESSION]),
]


class SessionQuery(PageQuery):
    def page_request(self) -> PageRequest:
        return self.paged([("created_at", -1), ("_id", -1)])


class SessionOut(Out):
    """A login that is alive. `last_used_at`: its sign-in or its last refresh, whichever was later."""

    id: SessionId
    created_at: Timestamp
    last_used_at: Timestamp
    expires_at: Timestamp
    ip: Annotated[str | None, Field(examples=["203.0.113.7"])] = None
    user_agent: Annotated[str | None, Field(examples=["curl/8.5.0"])] = None
    is_current: Annotated[bool, Field(description="the one that asks", examples=[True])] = False
