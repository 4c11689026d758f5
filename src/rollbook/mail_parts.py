"""The parts of mail, built from the settings."""

from collections.abc import Callable

from rollbook.account.links import Links
from rollbook.account.preparations import LinkPreparation, NoticePreparation
from rollbook.account.purposes import KINDS, PASSWORD_CHANGED, PASSWORD_RESET, VERIFICATION
from rollbook.kit import clock
from rollbook.mail.composing import Correspondent
from rollbook.mail.folder import FolderTransport
from rollbook.mail.mailer import Mailer, Transport
from rollbook.mail.sender import MailSender, Preparation
from rollbook.mail.service import TEST_KIND, MailService
from rollbook.mail.smtp import SmtpTransport
from rollbook.mail.templates import TemplateRefused, Templates
from rollbook.mail_url import MailFolder, MailTarget
from rollbook.one_time_tokens.service import OneTimeTokenService
from rollbook.settings import Settings, SettingsError
from rollbook.users.documents import User

DEFAULT_SENDER = "noreply@localhost"


def build_mail(settings: Settings) -> MailService:
    sender = Correspondent(settings.mail_from or DEFAULT_SENDER, settings.mail_reply_to)
    transport = _build_transport(settings.mail_target, sender)
    return MailService(clock.now, Mailer(build_templates(settings), sender, transport))


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
    links = Links.build(settings.public_address, settings.verify_url, settings.reset_url)
    return {
        VERIFICATION.name: LinkPreparation(
            clock.now, tokens, VERIFICATION, links.verify, _is_unverified
        ),
        PASSWORD_RESET.name: LinkPreparation(clock.now, tokens, PASSWORD_RESET, links.reset),
        PASSWORD_CHANGED: NoticePreparation(),
    }


def _build_transport(target: MailTarget | None, sender: Correspondent) -> Transport | None:
    if target is None:
        return None
    if isinstance(target, MailFolder):
        return FolderTransport(target.path)
    return SmtpTransport(target, sender.domain)


def build_templates(settings: Settings) -> Templates:
    languages = settings.mail_languages.split(",")
    return Templates(settings.mail_templates, languages, settings.app_name)


def check_templates(settings: Settings) -> None:
    """Render every template once. Raises: SettingsError."""
    try:
        build_templates(settings).check([*KINDS, TEST_KIND])
    except TemplateRefused as error:
        raise SettingsError(f"MAIL_TEMPLATES, MAIL_LANGUAGES: {error}") from None


def _is_unverified(user: User) -> bool:
    return not user.email_verified
