"""The parts of mail, built from the settings."""

from email.headerregistry import Address

from rollbook.account.purposes import SAMPLES
from rollbook.kit import clock
from rollbook.mail.composing import Correspondent
from rollbook.mail.folder import FolderTransport
from rollbook.mail.mailer import Mailer, Transport
from rollbook.mail.service import TEST_KIND, MailService
from rollbook.mail.smtp import SmtpTransport
from rollbook.mail.templates import TemplateRefused, Templates
from rollbook.mail_url import MailFolder, MailTarget, parse_mailbox
from rollbook.settings import Settings, SettingsError

DEFAULT_SENDER = Address(username="noreply", domain="localhost")


def build_mail(settings: Settings) -> MailService:
    address = parse_mailbox(settings.mail_from) if settings.mail_from else DEFAULT_SENDER
    reply_to = parse_mailbox(settings.mail_reply_to) if settings.mail_reply_to else None
    sender = Correspondent(address, reply_to)
    transport = _build_transport(settings.mail_target, sender)
    return MailService(clock.now, Mailer(build_templates(settings), sender, transport))


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
