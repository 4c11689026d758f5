"""Is a history of one register linearizable? (Herlihy and Wing, 1990; the search is Lowe's, 2017.)

Every write has a value of its own. A write without a response may have happened at any time after
its start, or never.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class Operation:
    """A write or a read of `value`, between two moments of one clock."""

    began: float
    ended: float
    is_write: bool
    value: object
    is_certain: bool = True

    @property
    def deadline(self) -> float:
        """By when it has taken effect."""
        return self.ended if self.is_certain else inf


def is_linearizable(history: Sequence[Operation], first: object) -> bool:
    """Return whether one order explains what all operations returned.

    `first` is the value before the history. Reads are certain.
    """
    operations = sorted(history, key=lambda each: each.began)
    every = (1 << len(operations)) - 1
    optional = sum(1 << n for n, each in enumerate(operations) if not each.is_certain)
    pending, seen = [(0, first)], set()
    while pending:
        done, value = pending.pop()
        if done | optional == every:
            return True
        left = [n for n in range(len(operations)) if not done >> n & 1]
        by = min(operations[n].deadline for n in left)
        for number in left:
            each = operations[number]
            if each.began > by:
                break  # Another operation ended before this one began.
            if each.is_write or each.value == value:
                state = done | 1 << number, each.value
                if state not in seen:
                    seen.add(state)
                    pending.append(state)
    return False
