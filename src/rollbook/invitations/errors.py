"""Errors about invitations."""

from rollbook.kit.errors import Conflict, Detail, NotFound


class InvitationNotFound(NotFound):
    """No pending invitation has this id: it was accepted, has ended or expired."""

    code, message = "invitation_not_found", "There is no such invitation."


class AlreadyInvited(Conflict):
    """The address has a pending invitation. Send it again, or end it first."""

    code = "already_invited"
    message = "This address has a pending invitation. Send it again, or end it first."
    details = (Detail("email", "taken", "This address has a pending invitation."),)
