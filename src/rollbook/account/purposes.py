"""Which messages there are, and what the tokens in their links are for."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rollbook.invitations.preparation import INVITATION_KNOWN
from rollbook.invitations.service import INVITATION
from rollbook.one_time_tokens.purposes import Purpose
from rollbook.users.registration import ADDRESS_TAKEN, REGISTRATION

SAMPLE = "https://users.example.com/account/sample?token={token}"
VERIFICATION = Purpose("verification", timedelta(hours=24))
PASSWORD_RESET = Purpose("password_reset", timedelta(hours=1))
EMAIL_UNDO = Purpose("email_undo", timedelta(days=7))
"""To put a former address back, after its owner changed it."""
SIGN_IN_LINK = Purpose("sign_in_link", timedelta(minutes=15))
PURPOSES = (VERIFICATION, PASSWORD_RESET, EMAIL_UNDO, SIGN_IN_LINK)
PASSWORD_CHANGED, EMAIL_CHANGED = "password_changed", "email_changed"
NEW_SIGN_IN = "new_sign_in"
ACCOUNT_DISABLED, ACCOUNT_DELETED = "account_disabled", "account_deleted"
"""Notices, without a link."""
ORIGIN = {"ip": "203.0.113.9", "at": "2026-11-30 12:00 UTC"}
SAMPLES: Mapping[str, Mapping[str, Any]] = {
    **{purpose.name: purpose.describe(SAMPLE, "sample") for purpose in PURPOSES},
    INVITATION.name: {**INVITATION.describe(SAMPLE, "sample"), "inviter": "Grace Hopper"},
    INVITATION_KNOWN: {},
    PASSWORD_CHANGED: {},
    EMAIL_CHANGED: {},
    NEW_SIGN_IN: ORIGIN,
    ACCOUNT_DISABLED: {},
    ACCOUNT_DELETED: {},
    REGISTRATION: {**VERIFICATION.describe(SAMPLE, "sample"), **ORIGIN},
    ADDRESS_TAKEN: {},
}
"""Kind of a message → the variables of its template, as in a preview."""
