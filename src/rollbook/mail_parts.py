"""The parts of mail, built from the settings."""

from collections.abc import Callable
from email.headerregistry import Address

from rollbook.account.links import Links
from rollbook.account.preparations import LinkPreparation, NoticePreparation
from rollbook.account.purposes import (
    EMAIL_CHANGED,
    EMAIL_UNDO,
    PASSWORD_CHANGED,
    PASSWORD_RESET,
    SAMPLES,
    SIGN_IN_LINK,
    VERIFICATION,
)
from rollbook.account.service import Notices
from rollbook.kit import clock
from rollbook.mail.composing import Correspondent
from rollbook.mail.folder import FolderTransport
from rollbook.mail.mailer import Mailer, Transport
from rollbook.mail.sender import MailSender, Preparation
from rollbook.mail.service import TEST_KIND, MailService
from rollbook.mail.smtp import SmtpTransport
from rollbook.mail.templates import TemplateRefused, Templates
from rollbook.mail_url import MailFolder, MailTarget, parse_mailbox
from rollbook.one_time_tokens.service import OneTimeTokenService
from rollbook.settings import Settings, SettingsError
from rollbook.users.documents import User

DEFAULT_SENDER = Address(username="noreply", domain="localhost")


def build_mail(settings: Settings) -> MailService:
    address = parse_mailbox(settings.mail_from) if settings.mail_from else DEFAULT_SENDER
    reply_to = parse_mailbox(settings.mail_reply_to) if settings.mail_reply_to else None
    sender = Correspondent(address, reply_to)
    transport = _build_transport(settings.mail_target, sender)
    return MailService(clock.now, Mailer(build_templates(settings), sender, transport))


def build_notices(settings: Settings, mail: MailService) -> Notices:
    return Notices(
        mail,
        sends_verification=settings.email_verification != "off",
        notifies_password_changed=settings.notify_password_changed,
        notifies_email_changed=settings.notify_email_changed,
    )


def build_sender(
    settings: Settings,
    mail: MailService,
    tokens: OneTimeTokenService,
    is_allowed: Callable[[str, str], bool],
) -> MailSender | None:
    """Build what sends the stored messages. None without MAIL_URL."""
    if not mail.is_configured:
        return None
    return MailSender(clock.now, mail.mailer, build_preparations(settings, tokens), is_allowed)


def build_preparations(settings: Settings, tokens: OneTimeTokenService) -> dict[str, Preparation]:
    links = Links.build(
        settings.public_address,
        verify=settings.verify_url,
        reset=settings.reset_url,
        undo=settings.undo_url,
        sign_in=settings.link_url,
    )
    return {
        VERIFICATION.name: LinkPreparation(
            clock.now, tokens, VERIFICATION, links.verify, _is_unverified
        ),
        PASSWORD_RESET.name: LinkPreparation(clock.now, tokens, PASSWORD_RESET, links.reset),
        SIGN_IN_LINK.name: LinkPreparation(clock.now, tokens, SIGN_IN_LINK, links.sign_in),
        EMAIL_UNDO.name: LinkPreparation(clock.now, tokens, EMAIL_UNDO, links.undo),
        EMAIL_CHANGED: NoticePreparation(),
        PASSWORD_CHANGED: NoticePreparation(),
    }


def _build_transport(target: MailTarget | None, sender: Correspondent) -> Transport | None:
    if target is None:
        return None
    if isinstance(target, MailFolder):
        return FolderTransport(target.path)
    return SmtpTransport(target, sender.address.domain)


def build_templates(settings: Settings) -> Templates:
    languages = settings.mail_languages.split(",")
    kinds = {**SAMPLES, TEST_KIND: {}}
    return Templates(settings.mail_templates, languages, settings.app_name, kinds)


def check_templates(settings: Settings) -> None:
    """Render every template once. Raises: SettingsError."""
    try:
        build_templates(settings).check()
    except TemplateRefused as error:
        raise SettingsError(f"MAIL_TEMPLATES, MAIL_LANGUAGES: {error}") from None


def _is_unverified(user: User) -> bool:
    return not user.email_verified
