"""What concerns the life of an account, built from the settings: links, notices and the sender."""

from dataclasses import dataclass

from rollbook.account.link_requests import LinkRequests
from rollbook.account.links import Links
from rollbook.account.notices import Notices
from rollbook.account.preparations import (
    ClosureNoticePreparation,
    LinkPreparation,
    NoticePreparation,
    RegistrationPreparation,
    VerificationPreparation,
    choose_current,
    choose_former,
    choose_unverified,
    describe_sign_in,
)
from rollbook.account.purposes import (
    ACCOUNT_DELETED,
    ACCOUNT_DISABLED,
    EMAIL_CHANGED,
    EMAIL_UNDO,
    NEW_SIGN_IN,
    PASSWORD_CHANGED,
    PASSWORD_RESET,
    SIGN_IN_LINK,
    VERIFICATION,
)
from rollbook.account.service import AccountService
from rollbook.account.sign_in_links import SignInLinkService
from rollbook.auth.service import AuthService
from rollbook.invitations.preparation import INVITATION_KNOWN, InvitationPreparation
from rollbook.invitations.service import INVITATION, InvitationService
from rollbook.kit import clock
from rollbook.mail.sender import MailSender, Preparation
from rollbook.mail.service import MailService
from rollbook.one_time_tokens.service import OneTimeTokenService
from rollbook.service_parts import reveal
from rollbook.settings import Settings
from rollbook.users.registration import ADDRESS_TAKEN, REGISTRATION, RegistrationService


@dataclass(frozen=True)
class AccountParts:
    """`mail_sender` is None without MAIL_URL."""

    account: AccountService
    sign_in_links: SignInLinkService
    invitations: InvitationService
    mail_sender: MailSender | None


def build_account_parts(
    settings: Settings, notices: Notices, registration: RegistrationService, auth: AuthService
) -> AccountParts:
    attempts, mail = registration.attempts, notices.mail
    tokens = OneTimeTokenService(clock.now, reveal(settings.secret_key))
    requests = LinkRequests(clock.now, mail, attempts)
    account = AccountService(
        clock.now,
        mail,
        requests,
        tokens,
        attempts,
        registration,
        auth.sessions,
        notices.tell,
    )
    links = SignInLinkService(settings.sign_in_links, requests, tokens, attempts, auth)
    invitations = InvitationService(
        clock.now,
        mail,
        tokens,
        attempts,
        registration.roles,
        registration,
        settings.length_limits,
    )
    preparations = build_preparations(settings, tokens, invitations)
    sender = MailSender(clock.now, mail.mailer, preparations, attempts.count_message)
    return AccountParts(account, links, invitations, sender if mail.is_configured else None)


def build_notices(settings: Settings, mail: MailService) -> Notices:
    wanted = {
        VERIFICATION.name: settings.verification != "off",
        PASSWORD_CHANGED: settings.notify_password_changed,
        EMAIL_CHANGED: settings.notify_email_changed,
        EMAIL_UNDO.name: settings.notify_email_changed,
        NEW_SIGN_IN: settings.notify_new_sign_in,
        ACCOUNT_DISABLED: settings.notify_account_disabled,
        ACCOUNT_DELETED: settings.notify_account_deleted,
    }
    return Notices(mail, silenced={kind for kind, is_wanted in wanted.items() if not is_wanted})


def build_preparations(
    settings: Settings, tokens: OneTimeTokenService, invitations: InvitationService
) -> dict[str, Preparation]:
    mail = invitations.mail
    links = Links.build(
        settings.public_address,
        verify=settings.verify_url,
        reset=settings.reset_url,
        undo=settings.undo_url,
        invitation=settings.invitation_url,
        sign_in=settings.link_url,
    )
    return {
        VERIFICATION.name: VerificationPreparation(
            clock.now, tokens, VERIFICATION, links.verify, choose_unverified, mail
        ),
        PASSWORD_RESET.name: LinkPreparation(
            clock.now, tokens, PASSWORD_RESET, links.reset, choose_current
        ),
        SIGN_IN_LINK.name: LinkPreparation(
            clock.now, tokens, SIGN_IN_LINK, links.sign_in, choose_current
        ),
        EMAIL_UNDO.name: LinkPreparation(clock.now, tokens, EMAIL_UNDO, links.undo, choose_former),
        EMAIL_CHANGED: NoticePreparation(choose_former),
        PASSWORD_CHANGED: NoticePreparation(choose_former),
        NEW_SIGN_IN: NoticePreparation(choose_current, describe_sign_in),
        ACCOUNT_DISABLED: ClosureNoticePreparation(),
        ACCOUNT_DELETED: ClosureNoticePreparation(),
        REGISTRATION: RegistrationPreparation(clock.now, tokens, VERIFICATION, links.verify, mail),
        INVITATION.name: InvitationPreparation(clock.now, tokens, links.invitation, invitations),
        INVITATION_KNOWN: NoticePreparation(choose_current),
        ADDRESS_TAKEN: NoticePreparation(choose_current),
    }
