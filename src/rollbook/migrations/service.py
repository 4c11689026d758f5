"""Bring the database to the form that this version expects: data, then indexes, then validators."""

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rollbook.access.principal import SYSTEM, Principal
from rollbook.audit.service import Target, append_entry
from rollbook.kit.clock import Clock
from rollbook.kit.errors import Detail, NotReady
from rollbook.leases.dao import leases
from rollbook.migrations.dao import applied_migrations
from rollbook.migrations.documents import AppliedMigration
from rollbook.migrations.steps import STEPS, Step
from rollbook.storage import indexes, validators
from rollbook.storage.documents import BaseDocument
from rollbook.storage.driver_errors import without_timeout
from rollbook.storage.transactions import transactional

LEASE = "migrate"
LEASE_DURATION = timedelta(seconds=60)
MIGRATING = Detail("mongodb", "migrating", "Another process is migrating the database.")
RESTORING = Detail(
    "mongodb",
    "restoring",
    "A backup is being restored, or its restore was interrupted. Run `rollbook restore --replace` "
    "again.",
)
RUN_MIGRATE = "Run `rollbook migrate`."
logger = logging.getLogger(__name__)

OnProgress = Callable[[int], None]
Progress = Callable[[Step, int], AbstractContextManager[OnProgress]]
"""Gets a step and the number of documents that it reads; gives what to call after each batch."""


def _log_progress(step: Step, total: int) -> AbstractContextManager[OnProgress]:
    logger.info("migration %d: %s (%d documents)", step.number, step.title, total)
    return nullcontext(lambda _: None)


@dataclass(frozen=True)
class MigrationService:
    """`at_start`: a start may migrate a database with users. It always prepares an empty one.

    `extra_indexes`: the indexes of documents that the settings declare.
    """

    clock: Clock
    documents: Sequence[type[BaseDocument]]
    at_start: bool
    steps: Sequence[Step] = STEPS
    extra_indexes: Mapping[type[BaseDocument], indexes.Specs] = field(default_factory=dict)

    def ensure(self) -> None:
        """Migrate at a start.

        Raises: NotReady, when migrating is not allowed, or another process migrates.
        """
        problem = self.find_problem()
        if problem is None:
            return
        if problem is RESTORING or (not self.at_start and applied_migrations.has_users()):
            raise NotReady(details=[problem])
        logger.info("migrating the database: %s", problem.message)
        self.apply()

    def find_problem(self) -> Detail | None:
        """Find what differs from what this version expects, and what to do about it.

        None when nothing differs, and when a newer version has migrated the database: this version
        then continues as long as it can.
        """
        if applied_migrations.is_restoring():
            return RESTORING
        problem = self._find_problem()
        if problem is None or self.at_start:
            return problem
        return replace(problem, message=f"{problem.message} {RUN_MIGRATE}")

    def begin_restore(self) -> None:
        """Let nobody use the database until `end_restore`, and forget what was applied to it."""
        applied_migrations.mark_restoring()
        applied_migrations.delete_all()

    def end_restore(self) -> None:
        """Migrate what was restored, and let it be used."""
        self.apply()
        applied_migrations.unmark_restoring()

    def is_restoring(self) -> bool:
        """Return whether a restore has begun, and not ended."""
        return applied_migrations.is_restoring()

    def get_latest(self) -> int:
        """Return the number of the latest migration that was applied, or 0."""
        return max(applied_migrations.get_checksums(), default=0)

    def list_pending(self, applied: Mapping[int, str] | None = None) -> list[Step]:
        """List the steps that have not been applied."""
        done = applied_migrations.get_checksums() if applied is None else applied
        return [step for step in self.steps if step.number not in done]

    def list_altered(self) -> list[Step]:
        """List the applied steps whose code has changed since."""
        done = applied_migrations.get_checksums()
        return [
            step for step in self.steps if done.get(step.number, step.checksum) != step.checksum
        ]

    def apply(self, progress: Progress = _log_progress) -> None:
        """Apply the pending steps. The call may be interrupted anywhere.

        Raises: NotReady, when another process is migrating.
        """
        holder = secrets.token_hex(8)
        self._extend_lease(holder)
        try:
            applied = [self._run(step, holder, progress) for step in self.list_pending()]
            for document in self.documents:
                self._extend_lease(holder)
                indexes.build(document, self.extra_indexes.get(document, ()))
                validators.build(document)
            for step, started, changed in applied:
                self._finish(step, started, changed)
        finally:
            leases.release(LEASE, holder)

    def _find_problem(self) -> Detail | None:
        applied = applied_migrations.get_checksums()
        if any(number > self.steps[-1].number for number in applied):
            return None
        if pending := self.list_pending(applied):
            titles = ", ".join(f"{step.number} ({step.title})" for step in pending)
            return Detail("mongodb", "migration_pending", f"Pending migrations: {titles}.")
        try:
            for document in self.documents:
                indexes.verify(document, self.extra_indexes.get(document, ()))
                validators.verify(document)
        except NotReady as error:
            return error.details[0]
        return None

    def _run(self, step: Step, holder: str, progress: Progress) -> tuple[Step, datetime, int]:
        """Run a step, and return it with its start and the number of changed documents."""
        database = applied_migrations.database
        started = self.clock()
        with without_timeout(), progress(step, step.module.count(database)) as on_progress:

            def extend_and_report(batch_size: int) -> None:
                self._extend_lease(holder)
                on_progress(batch_size)

            return step, started, step.module.run(database, extend_and_report)

    def _finish(self, step: Step, started: datetime, changed: int) -> None:
        """Change what an earlier version has written meanwhile, and store the step as applied.

        From now on the validators refuse such documents.
        """
        with without_timeout():
            changed += step.module.catch_up(applied_migrations.database)
        finished = self.clock()
        applied = AppliedMigration(
            number=step.number,
            title=step.title,
            checksum=step.checksum,
            started_at=started,
            finished_at=finished,
            duration_ms=int((finished - started).total_seconds() * 1000),
            changed=changed,
        )
        self._insert(applied, actor=SYSTEM)

    @transactional()
    def _insert(self, applied: AppliedMigration, *, actor: Principal) -> None:
        if applied_migrations.insert(applied):
            target = Target("migration", str(applied.number))
            at = applied.finished_at
            append_entry("migration.applied", target, actor=actor, at=at, changes={})

    def _extend_lease(self, holder: str) -> None:
        """Extend the lease.

        Raises: NotReady, when another process has acquired the lease, and continues.
        """
        if not leases.acquire(LEASE, holder, duration=LEASE_DURATION):
            raise NotReady(details=[MIGRATING])
