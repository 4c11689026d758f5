"""The record on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from rollbook.kit.listing import PageRequest
from rollbook.kit.schemas import CursorQuery, Id, Matches, Moment, Out, Timestamp

UserId = Annotated[
    str, Field(examples=["665f1c2ab8e4d90012a3b4c5"]), Matches("^[0-9a-fA-F]{24}$", "The id of a user: 24 hex digits.")
]
Action = Annotated[
    str,
    Field(max_length=50, examples=["user.updated"], description="one action, or all of a kind: `user.*`"),
    Matches(r"^[a-z_]+\.([a-z_]+|\*)$", "An action such as user.updated, or user.* for all of its kind."),
]
Value = Annotated[Timestamp | bool | int | str | list[str] | None, Field(examples=["user"])]


class AuditQuery(CursorQuery):
    user: Annotated[UserId | None, Field(description="whom it happened to")] = None
    actor: Annotated[UserId | None, Field(description="who did it")] = None
    action: Action | None = None
    since: Annotated[Moment | None, Field(description="this moment or later")] = None
    until: Annotated[Moment | None, Field(description="before this moment")] = None

    def page_request(self) -> PageRequest:
        return self.paged([("at", -1), ("_id", -1)])

    def filters(self) -> dict[str, str | datetime | None]:
        ids = {"target_user": self.user and self.user.lower(), "actor_id": self.actor and self.actor.lower()}
        return {**ids, "action": self.action, "since": self.since, "until": self.until}


class HistoryQuery(CursorQuery):
    def page_request(self) -> PageRequest:
        return self.paged([("version", -1), ("_id", -1)])


class ActorOut(Out):
    """Who did it. `id` is null for whoever is no user."""

    type: Annotated[Literal["user", "anonymous", "cli", "system"], Field(examples=["user"])]
    id: Annotated[str | None, Field(examples=["665f1c2ab8e4d90012a3b4c5"])] = None


class TargetOut(Out):
    """What it was done to: of a role its name, of a key its kid. `id` is null where nobody knows what was meant."""

    type: Annotated[str, Field(examples=["user"])]
    id: Annotated[str | None, Field(examples=["665f1c2ab8e4d90012a3b4c5"])] = None


class ChangeOut(Out):
    """A field before and after; of a secret both are null."""

    before: Value = None
    after: Value = None


class AuditEntryOut(Out):
    """What was done, to what, by whom, when and from where. `version`: of the target, after it."""

    id: Id
    at: Timestamp
    action: Annotated[str, Field(examples=["user.updated"])]
    actor: Annotated[ActorOut, Field(examples=[{"type": "user", "id": "665f1c2ab8e4d90012a3b4c5"}])]
    target: Annotated[TargetOut, Field(examples=[{"type": "user", "id": "665f1c2ab8e4d90012a3b4c5"}])]
    version: Annotated[int | None, Field(examples=[2])] = None
    changes: Annotated[
        dict[str, ChangeOut], Field(examples=[{"name": {"before": "Ada Byron", "after": "Ada Lovelace"}}])
    ]
    ip: Annotated[str | None, Field(examples=["203.0.113.7"])] = None
    user_agent: Annotated[str | None, Field(examples=["curl/8.5.0"])] = None
    request_id: Annotated[str | None, Field(examples=["0f8fad5bd9cb469fa16570867728950e"])] = None
    redacted: Annotated[bool, Field(description="a purge took personal values out", examples=[False])] = False

    @model_validator(mode="before")
    @classmethod
    def _of_stored(cls, row: Any) -> Any:
        if "actor_type" not in row:
            return row
        who = {"type": row["actor_type"], "id": row.get("actor_id")}
        what = {"type": row["target_type"], "id": row.get("target_id")}
        return {**row, "actor": who, "target": what}
