"""Writers that note when each response came, and whether the database has what they say."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.harness.writers import Response, Writer, count_differences


@dataclass(frozen=True)
class Sample:
    """`status` is None without a response. Times are of the monotonic clock."""

    method: str
    began: float
    ended: float
    status: int | None
    has_retry_after: bool


class Observer(Writer):
    def __init__(self, url: str, number: int) -> None:
        super().__init__(url, number)
        self.samples: list[Sample] = []

    def send(
        self, method: str, path: str, body: bytes | None = None, key: str | None = None
    ) -> Response | None:
        began = time.monotonic()
        response = super().send(method, path, body, key)
        status = response.status if response else None
        told = response is not None and "Retry-After" in response.headers
        self.samples.append(Sample(method, began, time.monotonic(), status, told))
        return response


@dataclass(frozen=True)
class Verdict:
    """How many changes were lost, or made by half: without their audit entry, or the reverse.

    `duplicate`: users that no response told of. `wrong`: users that are not as they should be.
    """

    lost: int
    duplicate: int
    half: int
    wrong: int


def judge(database: Any, writers: Sequence[Writer]) -> Verdict:
    """Compare what is stored with what the responses said."""
    tracked = {user.id: user for writer in writers for user in writer.users}
    stored = {str(user["_id"]): user for user in database.users.find()}
    histories = defaultdict(list)
    query = {"target_type": "user", "version": {"$gt": 0}}
    for entry in database.audit.find(query).sort("version", 1):
        histories[entry["target_id"]].append(entry)
    lost, without_entry, without_change = count_differences(tracked, stored, histories)
    half = without_entry + without_change
    wrong = sum(
        not user.matches(stored[key], histories[key])
        for key, user in tracked.items()
        if key in stored
    )
    return Verdict(lost, len(stored.keys() - tracked.keys()), half, wrong)


def get_outage(samples: Sequence[Sample], since: float, until: float) -> float:
    """The longest time without an acknowledged change, in seconds."""
    moments = sorted(
        sample.ended
        for sample in samples
        if sample.method != "GET" and sample.status in (200, 201, 204)
    )
    inside = [since, *(moment for moment in moments if since < moment < until), until]
    return max(later - earlier for earlier, later in pairwise(inside))
