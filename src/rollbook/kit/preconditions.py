"""ETags and what clients make depend on them (RFC 9110 §13)."""

import re
from dataclasses import dataclass

from werkzeug.datastructures import ETags

from rollbook.kit.errors import StaleVersion

_CODED = re.compile(r"([0-9]{1,18})(?:[:;-](?:gzip|deflate|br|zstd))?")


@dataclass(frozen=True)
class Expected:
    """The versions that a caller's change may start from; None: any."""

    versions: frozenset[int] | None = None

    def check(self, version: int) -> None:
        """Raises: StaleVersion."""
        if self.versions is not None and version not in self.versions:
            raise StaleVersion()


ANY = Expected()


def etag(version: int) -> str:
    return f'"{version}"'


def expected(given: ETags) -> Expected:
    """Of If-Match. What is no ETag of ours matches nothing."""
    return ANY if given.star_tag else Expected(versions(given))


def versions(given: ETags) -> frozenset[int]:
    """Those that `given` names, whatever became of them on the way.

    Compression makes `"7"` into `"7-gzip"`, `"7:zstd"` or `W/"7"`, and clients send that back. A version names a state,
    not its bytes, so it is the same in any coding: the weak form is no weaker.
    """
    tags = given.as_set(include_weak=True)
    return frozenset(int(found[1]) for tag in tags if (found := _CODED.fullmatch(tag or "")))
