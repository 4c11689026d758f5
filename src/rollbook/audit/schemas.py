"""The audit log in requests and responses."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, model_validator

from rollbook.kit.field_types import Id, Pattern, QueryTimestamp, Timestamp
from rollbook.kit.listing import PageRequest
from rollbook.kit.schemas import CursorQuery, Out

A_USER_ID = "665f1c2ab8e4d90012a3b4c5"

UserId = Annotated[
    str,
    Field(examples=[A_USER_ID]),
    Pattern("^[0-9a-fA-F]{24}$", "The id of a user: 24 hex digits."),
]
Action = Annotated[
    str,
    Field(
        max_length=50,
        examples=["user.updated"],
        description="one action, or all with a prefix: `user.*`",
    ),
    Pattern(
        r"^[a-z_]+\.([a-z_]+|\*)$", "An action such as user.updated, or user.* for all of users."
    ),
]
Value = Annotated[
    Timestamp | bool | int | str | list[str] | dict[str, JsonValue] | None, Field(examples=["user"])
]


class AuditQuery(CursorQuery):
    user: Annotated[UserId | None, Field(description="the user it was done to")] = None
    actor: Annotated[UserId | None, Field(description="the user who did it")] = None
    action: Action | None = None
    since: Annotated[QueryTimestamp | None, Field(description="at this time or later")] = None
    until: Annotated[QueryTimestamp | None, Field(description="before this time")] = None

    def page_request(self) -> PageRequest:
        return self.to_page_request([("at", -1), ("_id", -1)])

    def filters(self) -> dict[str, str | datetime | None]:
        """Return the keyword arguments of `AuditDAO.list_page`."""
        return {
            "target_user": self.user and self.user.lower(),
            "actor_id": self.actor and self.actor.lower(),
            "action": self.action,
            "since": self.since,
            "until": self.until,
        }


class HistoryQuery(CursorQuery):
    def page_request(self) -> PageRequest:
        return self.to_page_request([("version", -1), ("_id", -1)])


class ActorOut(Out):
    """Who did it. `id` is null for anyone who is not a user."""

    type: Annotated[Literal["user", "anonymous", "cli", "system"], Field(examples=["user"])]
    id: Annotated[str | None, Field(examples=[A_USER_ID])] = None


class TargetOut(Out):
    """What it was done to. `id` is a role's name or a key's kid, and null when it is unknown."""

    type: Annotated[str, Field(examples=["user"])]
    id: Annotated[str | None, Field(examples=[A_USER_ID])] = None


class ChangeOut(Out):
    """A field before and after. Both are null for a secret."""

    before: Value = None
    after: Value = None


class AuditEntryOut(Out):
    """What was done, to what, by whom, when and from where. `version` is the target's, after it."""

    id: Id
    at: Timestamp
    action: Annotated[str, Field(examples=["user.updated"])]
    actor: Annotated[ActorOut, Field(examples=[{"type": "user", "id": A_USER_ID}])]
    target: Annotated[TargetOut, Field(examples=[{"type": "user", "id": A_USER_ID}])]
    version: Annotated[int | None, Field(examples=[2])] = None
    changes: Annotated[
        dict[str, ChangeOut],
        Field(examples=[{"name": {"before": "Ada Byron", "after": "Ada Lovelace"}}]),
    ]
    ip: Annotated[str | None, Field(examples=["203.0.113.7"])] = None
    user_agent: Annotated[str | None, Field(examples=["curl/8.5.0"])] = None
    request_id: Annotated[str | None, Field(examples=["0f8fad5bd9cb469fa16570867728950e"])] = None
    redacted: Annotated[
        bool, Field(description="a purge removed personal values", examples=[False])
    ] = False

    @model_validator(mode="before")
    @classmethod
    def _from_stored(cls, row: Any) -> Any:
        if "actor_type" not in row:
            return row
        actor = {"type": row["actor_type"], "id": row.get("actor_id")}
        target = {"type": row["target_type"], "id": row.get("target_id")}
        return {**row, "actor": actor, "target": target}
