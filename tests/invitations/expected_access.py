"""Who may invite: admins. Everyone may accept, since the link is what counts."""

from tests.access.expected import ADMINS, CALLERS, PUBLIC

WITHOUT_TOKEN = dict.fromkeys(CALLERS, "400")

OPERATIONS = {
    "invite_user": {None: ADMINS},
    "list_invitations": {None: ADMINS},
    "end_invitation": {None: ADMINS},
    "resend_invitation": {None: ADMINS},
    "read_invitation": {None: WITHOUT_TOKEN},
    "accept_invitation": {None: PUBLIC},
    "/account/invitation": {None: WITHOUT_TOKEN},
    "POST /account/invitation": {None: PUBLIC},
}
