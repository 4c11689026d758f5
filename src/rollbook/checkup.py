"""Examine an installation for `rollbook doctor`: its settings, its stores, its database."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rollbook.command_opener import CommandOpener, open_database
from rollbook.database_parts import build_database, build_migrations
from rollbook.doctor import service
from rollbook.doctor.findings import Finding, fail
from rollbook.doctor.service import DatabaseExamination
from rollbook.doctor.settings_review import review
from rollbook.kit.errors import NotReady, Unavailable
from rollbook.mail_parts import build_mail
from rollbook.secret_files import has_secret_key, load_secrets
from rollbook.service_parts import build_limit_store, count_cores
from rollbook.services import build_services
from rollbook.settings import Settings, StartError
from rollbook.storage.database import DATABASE_ERRORS
from rollbook.storage.problems import describe_error

if TYPE_CHECKING:
    from rollbook.storage.database import Database

CORRECT_IT = "Correct it in the environment, in .env, or in /run/secrets."


def examine(opener: CommandOpener) -> Iterator[Finding]:
    """Examine everything that can be reached. What cannot be is a finding too."""
    try:
        settings = opener.load_settings()
    except StartError as error:
        for line in str(error).splitlines():
            yield fail("settings", f"{line.removesuffix('.')}.", CORRECT_IT)
        return
    yield from review(settings, cores=count_cores())
    yield service.examine_secret(
        is_set=settings.secret_key is not None, is_stored=has_secret_key(settings)
    )
    if settings.ratelimit_enabled and settings.redis_url:
        store = build_limit_store(settings)
        assert store  # noqa: S101 - for the type checker: limits are on
        yield service.examine_limiter(store)
    yield service.examine_mail(build_mail(settings).mailer.transport)
    yield service.examine_data_folder(settings.data_dir.resolve())
    try:
        with open_database(settings) as found:
            yield from _examine_database(found)
    except StartError as error:
        yield from (fail("mongodb", line) for line in str(error).splitlines())


def _examine_database(settings: Settings) -> Iterator[Finding]:
    database = build_database(settings)
    try:
        database.connect_to_primary()
        yield from _build_examination(settings, database).run()
    except NotReady as error:
        yield from (fail("mongodb", detail.message) for detail in error.details)
    except Unavailable:
        yield fail("mongodb", "MongoDB has stopped answering.", "Look at its log.")
    except DATABASE_ERRORS as error:
        detail = describe_error(error, None)
        yield fail("mongodb", detail.message, "docs/running.md lists the roles.")
    finally:
        database.close()


def _build_examination(settings: Settings, database: "Database") -> DatabaseExamination:
    services = build_services(load_secrets(settings))
    signing = services.signing
    require_keys = None
    if signing:
        is_known = has_secret_key(settings)
        require_keys = signing.check_keys if is_known else signing.require_none
    return DatabaseExamination(
        build_migrations(settings),
        lambda: database.clock_skew.detail,
        require_keys,
        lambda: not services.first_admin.is_missing(),
    )
