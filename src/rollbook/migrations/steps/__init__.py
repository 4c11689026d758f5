"""All migrations, in the order in which they run. One that was released is never changed: write another."""

import hashlib
import inspect
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from rollbook.migrations.steps import m0001_mark_present_users, m0002_random_session_ids, m0003_email_skeletons


@dataclass(frozen=True)
class Step:
    """`module` has TITLE, count, run and catch_up; see the first one."""

    number: int
    module: Any

    @property
    def title(self) -> str:
        return str(self.module.TITLE)

    @property
    def checksum(self) -> str:
        return hashlib.sha256(inspect.getsource(self.module).encode()).hexdigest()


def _step(module: ModuleType) -> Step:
    """Numbered by its file's name."""
    return Step(int(module.__name__.rpartition(".m")[2][:4]), module)


STEPS = tuple(map(_step, (m0001_mark_present_users, m0002_random_session_ids, m0003_email_skeletons)))
