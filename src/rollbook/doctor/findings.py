"""What an examination found."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

CHECK_WIDTH = 14


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """`check`: what was looked at. `cure`: what to do, unless the level is OK."""

    check: str
    level: Level
    message: str
    cure: str = ""

    def render(self) -> str:
        """Render one line."""
        text = f"{self.message} {self.cure}".strip()
        return f"{self.level:<5} {self.check:<{CHECK_WIDTH}} {text}"

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def ok(check: str, message: str) -> Finding:
    return Finding(check, Level.OK, message)


def warn(check: str, message: str, cure: str) -> Finding:
    return Finding(check, Level.WARN, message, cure)


def fail(check: str, message: str, cure: str = "") -> Finding:
    return Finding(check, Level.FAIL, message, cure)


def has_failed(findings: Iterable[Finding]) -> bool:
    return any(finding.level == Level.FAIL for finding in findings)
