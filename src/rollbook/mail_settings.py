"""The settings of mail, and of the links in it."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from rollbook.setting_types import LinkUrl, MailAddress, MailLanguages, MailUrl, PublicUrl


class MailSettings(BaseModel):
    """Mail."""

    mail_url: MailUrl | None = Field(
        None,
        description="smtp://user:password@host:587, smtps://host:465, or file:///folder; if unset, "
        "DATA_DIR/mail in development, and no mail in production",
    )
    mail_from: MailAddress | None = Field(
        None, description="the sender; required with MAIL_URL in production"
    )
    mail_reply_to: MailAddress | None = Field(None, description="where replies go")
    mail_languages: MailLanguages = Field(
        "en,de,fr,es",
        description="languages of messages and pages, the default first; separated by commas",
    )
    mail_templates: Path | None = Field(
        None, description="a folder with templates that replace those of rollbook; docs/mail.md"
    )
    public_url: PublicUrl | None = Field(
        None,
        description="the address that people see, such as https://users.example.com; required with "
        "MAIL_URL in production",
    )
    verify_url: LinkUrl | None = Field(
        None,
        description="where a link to verify an address goes, with {token}; if unset, a page of "
        "rollbook",
    )
    reset_url: LinkUrl | None = Field(
        None,
        description="where a link to set a new password goes, with {token}; if unset, a page of "
        "rollbook",
    )
    undo_url: LinkUrl | None = Field(
        None,
        description="where a link to put a former address back goes, with {token}; if unset, a "
        "page of rollbook",
    )
    invitation_url: LinkUrl | None = Field(
        None,
        description="where a link of an invitation goes, with {token}; if unset, a page of "
        "rollbook",
    )
    sign_in_links: bool = Field(
        False,
        description="true: users may sign in by a link; needs LINK_URL or REFRESH_COOKIE, and in "
        "production MAIL_URL",
    )
    link_url: LinkUrl | None = Field(
        None,
        description="where a link to sign in goes, with {token}; if unset, a page of rollbook, "
        "which sets the refresh cookie",
    )
    email_verification: Literal["off", "optional", "required"] = Field(
        "optional",
        description="optional: new users get a link to verify their address; required: they sign "
        "in only afterwards, and registering does not tell who has an account; or off",
    )
    notify_email_changed: bool = Field(
        True,
        description="false: no message tells the former address of users that it was changed, and "
        "none has the link that puts it back",
    )
    notify_password_changed: bool = Field(
        True, description="false: no message tells users that their password was changed"
    )
    notify_new_sign_in: bool = Field(
        True,
        description="false: no message tells users of a sign-in from a new address and device",
    )
    notify_account_disabled: bool = Field(
        True, description="false: no message tells users that their account was disabled"
    )
    notify_account_deleted: bool = Field(
        True, description="false: no message tells users that their account was deleted"
    )
