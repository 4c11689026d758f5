"""Start rollbook in one process: its log, its secrets, its warnings, and the application."""

import atexit
import logging
from collections.abc import Callable
from functools import partial

from flask import Flask

from rollbook import telemetry
from rollbook.app import create_app
from rollbook.database_parts import build_database
from rollbook.kit.background import run_periodically
from rollbook.mail.sender import MailSender
from rollbook.mail_parts import check_templates
from rollbook.mail_url import MailFolder
from rollbook.ops import logs
from rollbook.ops.process_metrics import measure_process
from rollbook.secret_files import load_or_create_secrets
from rollbook.services import Services, build_services
from rollbook.settings import LOOPBACK, Settings, SettingsError
from rollbook.storage.database import Database

DATABASE_WAIT_SECONDS = 2
"""How long a process waits for MongoDB, or for another one to prepare it, before it serves."""
FIRST_SWEEP_SECONDS = 2
MAIL_SECONDS = 1
"""How often a process looks for messages to send."""
SWEEP_SECONDS = 60
"""How often a process tries to sweep. One attempt in an hour gets the lease."""
AUTH_OFF_WARNING = (
    "AUTH_REQUIRED=false: EVERY CALLER MAY DO EVERYTHING. For a private network behind a gateway "
    "only."
)
BASIC_POLICY_WARNING = (
    "PASSWORD_POLICY=basic: passwords that are easy to guess are accepted. Use it only for "
    "clients that cannot change."
)
MAIL_FOLDER_WARNING = (
    "MAIL_URL: not set, so messages are files in {}. `rollbook mail list` lists them."
)
logger = logging.getLogger(__name__)


def configure(settings: Settings, *, check: Callable[[], None] = lambda: None) -> Settings:
    """Start the log, load or create the secrets, and warn about risky settings.

    `check` runs before the warnings. Raises: SettingsError, and the errors of `check`.
    """
    try:
        logs.configure(settings.log_level, settings.log_format, settings.log_file)
    except logs.LogFileRefused as error:
        raise SettingsError(str(error)) from None
    settings, messages = load_or_create_secrets(settings)
    for message in messages:  # They name what to back up, also when the start fails below.
        logger.warning(message)
    check_templates(settings)
    build_services(settings)  # Fails now, and not in every worker, when a setting is wrong.
    check()
    for message in _list_warnings(settings):
        logger.warning(message)
    return settings


def start_app(settings: Settings) -> Flask:
    """Create the application, and start preparing its database.

    Processes must not share a connection to MongoDB, so call it after a fork.
    """
    instrument = telemetry.start(
        telemetry.read_variables(), shows_address=settings.log_client_address
    )
    services = build_services(settings)
    database = build_database(settings, services.prepare, serves=True)
    database.start_preparing(wait_seconds=DATABASE_WAIT_SECONDS)
    measure_process()
    if settings.caller_cache:
        services.callers.follow()
    sweep = partial(_sweep, database, services)
    run_periodically("sweep", sweep, delay=FIRST_SWEEP_SECONDS, interval=SWEEP_SECONDS)
    if services.mail_sender:
        send = partial(_send_mail, database, services.mail_sender)
        atexit.register(services.mail_sender.finish)
        run_periodically("mail", send, delay=MAIL_SECONDS, interval=MAIL_SECONDS)
    return create_app(settings, services, database, instrument=instrument)


def _list_warnings(settings: Settings) -> list[str]:
    warnings = [BASIC_POLICY_WARNING] if settings.password_policy == "basic" else []
    if mistake := telemetry.find_mistake(telemetry.read_variables()):
        warnings.append(mistake)
    target = settings.mail_target
    if settings.mail_url is None and isinstance(target, MailFolder):
        warnings.append(MAIL_FOLDER_WARNING.format(target.path))
    if not settings.auth_required:
        warnings.append(AUTH_OFF_WARNING)
        if settings.host not in LOOPBACK:
            message = f"listening on {settings.host}: anyone who reaches it may do everything"
            warnings.append(message)
    return warnings


def _send_mail(database: Database, sender: MailSender) -> None:
    database.require_ready()
    sender.run()


def _sweep(database: Database, services: Services) -> None:
    database.require_ready()
    services.retention.sweep()
