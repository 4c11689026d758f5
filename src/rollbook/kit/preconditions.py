"""What a change may start from: the versions that a caller's If-Match header names."""

from dataclasses import dataclass

from rollbook.kit.errors import StaleVersion


@dataclass(frozen=True)
class Expected:
    """The versions that a change may start from. None means any version."""

    versions: frozenset[int] | None = None

    def check(self, version: int) -> None:
        """Check that the change may start from `version`. Raises: StaleVersion."""
        if self.versions is not None and version not in self.versions:
            raise StaleVersion()


ANY = Expected()
