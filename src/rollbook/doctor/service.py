"""Examine a database that answers, and the store of limits."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import disk_usage

from limits.storage import Storage

from rollbook.doctor import dao, policy
from rollbook.doctor.findings import Finding, fail, ok, warn
from rollbook.kit.errors import Detail, NotReady
from rollbook.mail.errors import Deferred
from rollbook.mail.mailer import Transport
from rollbook.migrations.service import MigrationService
from rollbook.storage.driver_errors import DatabaseError

NOT_READABLE = "The user of MONGODB_URI may not read it."


@dataclass(frozen=True)
class DatabaseExamination:
    """`require_keys` raises NotReady, when the signing keys cannot be decrypted.

    It is None without a key ring.
    """

    migrations: MigrationService
    find_skew: Callable[[], Detail | None]
    require_keys: Callable[[], None] | None
    has_admin: Callable[[], bool]

    def run(self) -> Iterator[Finding]:
        """Examine the database. Raises: Unavailable, DatabaseError."""
        yield policy.judge_version(dao.get_version())
        yield self._examine_members()
        yield policy.judge_rights(missing := dao.find_missing_actions())
        if missing:  # Whatever follows would fail for that reason.
            return
        yield self._examine_write()
        yield self._examine_transactions()
        yield policy.judge_clock(self.find_skew())
        yield self._examine_disk()
        problem = self.migrations.find_problem()
        altered = [step.number for step in self.migrations.list_altered()]
        yield policy.judge_schema(problem, altered)
        if problem is None:
            if self.require_keys:
                yield self._examine_keys(self.require_keys)
            yield policy.judge_admins(has_admin=self.has_admin())

    def _examine_members(self) -> Finding:
        members = policy.judge_members(dao.get_hello())
        return policy.judge_states(dao.find_member_states() or {}) or members

    def _examine_write(self) -> Finding:
        took = dao.measure_write()
        if took is None:
            cure = "Look at the members of the replica set, and at their disks."
            return fail("write concern", "No majority had a write on disk in time.", cure)
        return policy.judge_write(took)

    def _examine_transactions(self) -> Finding:
        seconds = dao.find_transaction_lifetime()
        if seconds is None:
            return ok("transactions", f"transactionLifetimeLimitSeconds: {NOT_READABLE}")
        return policy.judge_transaction_lifetime(seconds)

    def _examine_disk(self) -> Finding:
        try:
            total, free = dao.get_disk()
        except DatabaseError:
            return ok("disk", f"The disk of MongoDB: {NOT_READABLE}")
        return policy.judge_disk("MongoDB", total, free)

    def _examine_keys(self, require_keys: Callable[[], None]) -> Finding:
        try:
            require_keys()
        except NotReady:
            cure = "Set the SECRET_KEY of the API, or run `rollbook keys rotate --replace-sealed`."
            return fail("signing keys", "No SECRET_KEY here decrypts them.", cure)
        return ok("signing keys", "SECRET_KEY decrypts them.")


def examine_limiter(store: Storage) -> Finding:
    """Ask Redis, which counts the limits of all workers."""
    if store.check():
        return ok("limiter store", "Redis answers.")
    cure = "Check that it runs, and that REDIS_URL is right. Sign-ins are refused meanwhile."
    return fail("limiter store", "Redis does not answer.", cure)


def examine_mail(transport: Transport | None) -> Finding:
    """Connect to the mail server and sign in, without sending anything."""
    if transport is None:
        message = "MAIL_URL is not set: nobody can verify an address or recover a password."
        return warn("mail", message, "Set MAIL_URL, MAIL_FROM and PUBLIC_URL; docs/mail.md.")
    try:
        transport.check()
    except Deferred as error:
        cure = "Check MAIL_URL. Messages are kept, and sent again for 24 hours."
        return fail("mail", f"The mail server cannot be used: {error}.", cure)
    return ok("mail", "Messages can be sent.")


def examine_data_folder(folder: Path) -> Finding:
    """Look at the disk of DATA_DIR, or of the folder that it would be created in."""
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    usage = disk_usage(existing)
    return policy.judge_disk("DATA_DIR", usage.total, usage.free)


def examine_secret(*, is_set: bool, is_stored: bool) -> Finding:
    """Look for SECRET_KEY, in the settings or in DATA_DIR."""
    if is_set or is_stored:
        return ok("secrets", f"SECRET_KEY is {'set' if is_set else 'stored in DATA_DIR'}.")
    cure = "Set the same one on every machine, or back up the one that the first start generates."
    return warn("secrets", "There is no SECRET_KEY yet.", cure)
