"""Bringing what is stored to what this version expects: data first, then indexes, then validators."""

import logging
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rollbook.access.principal import SYSTEM
from rollbook.audit.service import Target, record
from rollbook.kit import indexes, validators
from rollbook.kit.clock import Clock
from rollbook.kit.documents import BaseDocument
from rollbook.kit.errors import Detail, NotReady
from rollbook.kit.transactions import in_transaction, unhurried
from rollbook.leases.dao import leases
from rollbook.migrations.dao import migrations
from rollbook.migrations.documents import AppliedMigration
from rollbook.migrations.steps import STEPS, Step

LEASE = "migrate"
HELD = timedelta(seconds=60)
UNDER_WAY = Detail("mongodb", "migrating", "Another process is bringing the database up to date.")
MUST_RUN = "Run `rollbook migrate`."
logger = logging.getLogger(__name__)

Tell = Callable[[int], None]
Progress = Callable[[Step, int], AbstractContextManager[Tell]]
"""Takes a step and how many documents it looks at; hands out what is told of each batch."""


def _silent(step: Step, total: int) -> AbstractContextManager[Tell]:
    logger.info("migration %d: %s (%d documents)", step.number, step.title, total)
    return nullcontext(lambda _: None)


@dataclass(frozen=True)
class Migrations:
    """`at_start`: whether a start may migrate users that are there; with none there is nothing to be careful of."""

    clock: Clock
    documents: Sequence[type[BaseDocument]]
    at_start: bool
    steps: Sequence[Step] = STEPS

    def ensure(self) -> None:
        """What a start does. Raises: NotReady, when it may not, or someone else is at it; the driver's errors."""
        why = self.find_fault()
        if why is None:
            return
        if not self.at_start and migrations.has_users():
            raise NotReady(details=[why])
        logger.info("bringing the database up to date: %s", why.message)
        self.apply()

    def find_fault(self) -> Detail | None:
        """What is not as this version expects it, and what to do about it; None when all is.

        What a newer version has migrated is that version's: this one goes on with it as long as it can.
        """
        fault = self._fault()
        return fault if fault is None or self.at_start else replace(fault, message=f"{fault.message} {MUST_RUN}")

    def _fault(self) -> Detail | None:
        applied = migrations.checksums()
        if any(number > self.steps[-1].number for number in applied):
            return None
        if waiting := self.waiting(applied):
            titles = ", ".join(f"{step.number} ({step.title})" for step in waiting)
            return Detail("mongodb", "migration_pending", f"Migrations have not run: {titles}.")
        try:
            for document in self.documents:
                indexes.verify(document)
                validators.verify(document)
        except NotReady as error:
            return error.details[0]
        return None

    def waiting(self, applied: dict[int, str] | None = None) -> list[Step]:
        """Those that have not run here."""
        done = migrations.checksums() if applied is None else applied
        return [step for step in self.steps if step.number not in done]

    def altered(self) -> list[Step]:
        """Those whose code is not what ran here."""
        done = migrations.checksums()
        return [step for step in self.steps if done.get(step.number, step.checksum) != step.checksum]

    def apply(self, progress: Progress = _silent) -> None:
        """Safe to interrupt anywhere, and to start again. Raises: NotReady, when someone else is at it."""
        holder = secrets.token_hex(8)
        self._hold(holder)
        try:
            ran = [self._run(step, holder, progress) for step in self.waiting()]
            for document in self.documents:
                self._hold(holder)
                indexes.build(document)
                validators.build(document)
            for step, started, changed in ran:
                self._finish(step, started, changed)
        finally:
            leases.give_back(LEASE, holder)

    def _run(self, step: Step, holder: str, progress: Progress) -> tuple[Step, datetime, int]:
        """When it started, and how much it changed."""
        started = self.clock()
        with unhurried(), progress(step, step.module.count(migrations.database)) as tell:

            def told(looked_at: int) -> None:
                self._hold(holder)
                tell(looked_at)

            return step, started, step.module.run(migrations.database, told)

    def _finish(self, step: Step, started: datetime, changed: int) -> None:
        """With what an earlier version wrote meanwhile; from here on the validators keep that out."""
        with unhurried():
            changed += step.module.catch_up(migrations.database)
        now = self.clock()
        took = int((now - started).total_seconds() * 1000)
        applied = AppliedMigration(
            number=step.number,
            title=step.title,
            checksum=step.checksum,
            started_at=started,
            finished_at=now,
            duration_ms=took,
            changed=changed,
        )

        def write() -> None:
            if migrations.insert(applied):
                record("migration.applied", Target("migration", str(step.number)), actor=SYSTEM, at=now, changes={})

        in_transaction(write, actor=SYSTEM)

    def _hold(self, holder: str) -> None:
        """Raises: NotReady, when it is someone else's, also in the middle: then they go on with it."""
        if not leases.take(LEASE, holder, lasting=HELD):
            raise NotReady(details=[UNDER_WAY])
