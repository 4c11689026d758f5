"""All migrations, in order.

A released migration is never edited, not even its formatting: its checksum is stored where it ran.
Write another one.
"""

import hashlib
import inspect
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from rollbook.migrations.steps import (
    m0001_mark_present_users,
    m0002_random_session_ids,
    m0003_email_skeletons,
    m0004_search_words,
)


@dataclass(frozen=True)
class Step:
    """`module` has TITLE, count, run and catch_up; see the first migration."""

    number: int
    module: Any

    @property
    def title(self) -> str:
        return str(self.module.TITLE)

    @property
    def checksum(self) -> str:
        """SHA-256 of the source, in hex."""
        return hashlib.sha256(inspect.getsource(self.module).encode()).hexdigest()


def _create_step(module: ModuleType) -> Step:
    """Create a step. Its number is in the name of the file."""
    return Step(int(module.__name__.rpartition(".m")[2][:4]), module)


STEPS = tuple(
    map(
        _create_step,
        (
            m0001_mark_present_users,
            m0002_random_session_ids,
            m0003_email_skeletons,
            m0004_search_words,
        ),
    )
)
