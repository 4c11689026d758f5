"""Who may verify addresses and recover passwords: everyone, since a link is what counts."""

from tests.access.expected import CALLERS, PUBLIC

WITHOUT_TOKEN = dict.fromkeys(CALLERS, "400")

OPERATIONS = {
    "request_verification": {None: PUBLIC},
    "confirm_verification": {None: PUBLIC},
    "forget_password": {None: PUBLIC},
    "reset_password": {None: PUBLIC},
    "undo_email": {None: PUBLIC},
    "request_sign_in_link": {None: PUBLIC},
    "confirm_sign_in_link": {None: PUBLIC},
    "/account/link": {None: WITHOUT_TOKEN},
    "POST /account/link": {None: PUBLIC},
    "/account/undo": {None: WITHOUT_TOKEN},
    "POST /account/undo": {None: PUBLIC},
    "/account/verify": {None: WITHOUT_TOKEN},
    "/account/reset": {None: WITHOUT_TOKEN},
    "POST /account/verify": {None: PUBLIC},
    "POST /account/reset": {None: PUBLIC},
}
