"""Invitations over HTTP."""

from typing import ClassVar, Protocol

from flask import url_for
from flask_restful import Resource

from rollbook.access.client_address import get_anonymous_principal
from rollbook.access.guards import current_principal, public, requires
from rollbook.access.permissions import Permission
from rollbook.invitations.errors import AlreadyInvited, InvitationNotFound
from rollbook.invitations.schemas import (
    AcceptanceIn,
    InvitationIn,
    InvitationOut,
    InvitationQuery,
    InvitationShownOut,
    TokenQuery,
)
from rollbook.invitations.service import InvitationService
from rollbook.kit.errors import TooManyRequests
from rollbook.limits.errors import LimitsUnavailable
from rollbook.mail.errors import MailNotConfigured
from rollbook.one_time_tokens.errors import InvalidOneTimeToken
from rollbook.passwords.errors import PasswordRefused, TooBusy
from rollbook.roles.errors import UnknownRole
from rollbook.users.errors import EmailTaken, UsernameReserved, UsernameTaken
from rollbook.users.schemas import UserOut
from rollbook.web.declarations import PathParameter, Reply
from rollbook.web.endpoints import Api, endpoint

AN_ID = "6925d3f0a7c3b1e4f0a1b2c3"


class Services(Protocol):
    @property
    def invitations(self) -> InvitationService: ...


class InvitationResource(Resource):
    path_parameters: ClassVar = {"id": PathParameter("The invitation's id.", AN_ID)}

    def __init__(self, services: Services) -> None:
        self.invitations = services.invitations


class InvitationCollection(InvitationResource):
    path_parameters: ClassVar = {}

    @requires(Permission.USERS_INVITE)
    @endpoint(
        "invite_user",
        "Invitation sent.",
        body=InvitationIn,
        returns=InvitationOut,
        status=201,
        idempotent=True,
        errors=(MailNotConfigured, UnknownRole, AlreadyInvited),
    )
    def post(self, body: InvitationIn) -> Reply:
        """Invite somebody by e-mail, also while registration is closed.

        The link is valid once, for 7 days. A role other than `user` needs `users:set_role`, and the
        permissions that it grants. The message tells somebody who has an account to sign in.
        """
        return Reply(self.invitations.invite(body, actor=current_principal()))

    @requires(Permission.USERS_INVITE)
    @endpoint(
        "list_invitations",
        "Invitations listed.",
        query=InvitationQuery,
        returns=InvitationOut,
        many=True,
    )
    def get(self, query: InvitationQuery) -> Reply:
        """List pending invitations, the latest first."""
        return Reply(self.invitations.list_invitations(query.page_request()))


class InvitationItem(InvitationResource):
    @requires(Permission.USERS_INVITE)
    @endpoint("end_invitation", "Invitation ended.", status=204, errors=(InvitationNotFound,))
    def delete(self, id: str) -> Reply:
        """End a pending invitation. Its link is not valid any more."""
        self.invitations.end(id, actor=current_principal())
        return Reply(None)


class InvitationResending(InvitationResource):
    @requires(Permission.USERS_INVITE)
    @endpoint(
        "resend_invitation",
        "Invitation sent again.",
        status=202,
        idempotent=True,
        errors=(MailNotConfigured, InvitationNotFound),
    )
    def post(self, id: str) -> Reply:
        """Send a pending invitation again, with a new link, which is valid for 7 days."""
        self.invitations.resend(id, actor=current_principal())
        return Reply(None)


class ShownInvitation(InvitationResource):
    path_parameters: ClassVar = {}

    @public
    @endpoint(
        "read_invitation",
        "Invitation found.",
        query=TokenQuery,
        returns=InvitationShownOut,
        errors=(InvalidOneTimeToken,),
    )
    def get(self, query: TokenQuery) -> Reply:
        """Read the invitation of a link, for a form. The link stays valid."""
        return Reply(self.invitations.describe(query.token))


class Acceptance(InvitationResource):
    path_parameters: ClassVar = {}

    @public
    @endpoint(
        "accept_invitation",
        "User created.",
        body=AcceptanceIn,
        returns=UserOut,
        status=201,
        location=lambda user: url_for(".user", ref=user.pk),
        errors=(
            InvalidOneTimeToken,
            PasswordRefused,
            UsernameReserved,
            UsernameTaken,
            EmailTaken,
            TooBusy,
            TooManyRequests,
            LimitsUnavailable,
        ),
    )
    def post(self, body: AcceptanceIn) -> Reply:
        """Create the user who is invited, with a verified address.

        It is 400 when the inviter could not grant the role any more, and 409 when a user has the
        address by then.
        """
        return Reply(self.invitations.accept(body, actor=get_anonymous_principal()))


def register(api: Api, services: Services) -> None:
    kwargs = {"services": services}
    resources: list[tuple[type[InvitationResource], str, str]] = [
        (InvitationCollection, "/invitations", "invitations"),
        (InvitationItem, "/invitations/<id>", "invitation"),
        (InvitationResending, "/invitations/<id>/resend", "invitation_resending"),
        (ShownInvitation, "/auth/invitation", "shown_invitation"),
        (Acceptance, "/auth/invitation/accept", "acceptance"),
    ]
    for resource, path, name in resources:
        api.add_resource(resource, path, endpoint=name, resource_class_kwargs=kwargs)
