"""Invitations in requests and responses."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from rollbook.kit.field_types import Id, Timestamp
from rollbook.kit.listing import PageRequest
from rollbook.kit.schemas import CursorQuery, In, Out, Query
from rollbook.one_time_tokens.schemas import LinkToken
from rollbook.roles.schemas import RoleName
from rollbook.users.fields import Email, Name, Password, Username

Inviter = Annotated[
    str | None,
    BeforeValidator(lambda value: value and str(value)),
    Field(description="the id of the inviter; null: the command line", examples=[None]),
]


class InvitationIn(In):
    """Whom to invite."""

    email: Email
    role: Annotated[RoleName, Field(examples=["user"])] = "user"
    name: Annotated[Name | None, Field(description="a proposal, which the user may change")] = None


class InvitationQuery(CursorQuery):
    """Pending invitations, the latest first."""

    def page_request(self) -> PageRequest:
        return self.to_page_request([("created_at", -1), ("_id", -1)])


class InvitationOut(Out):
    """A pending invitation."""

    id: Id
    email: Annotated[str, Field(examples=["ada@example.com"])]
    role: Annotated[str, Field(examples=["user"])]
    name: Annotated[str | None, Field(examples=["Ada Lovelace"])] = None
    invited_by: Inviter = None
    created_at: Timestamp
    expires_at: Timestamp


class TokenQuery(Query):
    """The token of a link."""

    token: LinkToken


class InvitationShownOut(Out):
    """What a form shows to who is invited. `inviter` is a name."""

    email: Annotated[str, Field(examples=["ada@example.com"])]
    role: Annotated[str, Field(examples=["user"])]
    name: Annotated[str | None, Field(examples=["Ada Lovelace"])] = None
    inviter: Annotated[str | None, Field(examples=["Grace Hopper"])] = None
    expires_at: Timestamp


class AcceptanceIn(In):
    """The token of a link, and what who is invited chooses."""

    token: LinkToken
    password: Password
    name: Annotated[
        Name | None,
        Field(description="if left out: that of the invitation, else as at POST /users"),
    ] = None
    username: Username | None = None
