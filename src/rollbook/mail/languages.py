"""Which language a message or a page is in."""

from collections.abc import Sequence


def choose_language(offered: Sequence[str], *wanted: str | None) -> str:
    """Choose the first of `wanted` that is offered, else the first of `offered`.

    Tags are those of BCP 47, in any case. `de-AT` is served by `de` (RFC 4647 §3.4).
    """
    for tag in filter(None, wanted):
        subtags = tag.lower().split("-")
        while subtags:
            if "-".join(subtags) in offered:
                return "-".join(subtags)
            subtags.pop()
    return offered[0]


def parse_accepted(header: str, *, limit: int = 20) -> list[str]:
    """Parse Accept-Language (RFC 9110 §12.5.4) into tags, the best first."""
    weighed = []
    for part in header.split(",")[:limit]:
        tag, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if tag and weight > 0:
            weighed.append((-weight, tag.strip()))
    return [tag for _, tag in sorted(weighed, key=lambda pair: pair[0])]
