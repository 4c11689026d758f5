"""Write docs/performance.md and docs/performance.svg from the results."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.comparison.cases import CASES, CONNECTIONS, Case
from benchmarks.comparison.goals import DASH, FLOOR, OWN, list_goals
from benchmarks.comparison.plot import render_plot
from benchmarks.comparison.results import Metric, Results, divide
from benchmarks.peers.peer import Peer

PLOTTED = ("read", "not-modified", "me", "list-20", "list-100", "update", "create-4", "refresh")
METRICS: dict[Metric, str] = {
    "rate": "requests/s",
    "p50": "p50, ms",
    "p99": "p99, ms",
    "cpu": "CPU, µs/request",
}
INTRODUCTION = """\
# Performance

This page compares rollbook with other servers that manage users on MongoDB, and with bare Flask and
PyMongo: two processes each, on one machine and one MongoDB, with 10,000 users. `make bench`
measures it again and writes this page. It takes 50 minutes, and needs wrk and Node.js 20.

- Every figure is the median of {rounds} rounds of {seconds} s after a warm-up. In each round, the
  servers take turns. Cases that hash at cost 10 or 12 get two and four times as long.
- A dash means that a server cannot do the case, or not with that cost of bcrypt.
- wrk sends the requests over {connections} connections, unless the line says otherwise. wrk,
  MongoDB and the server share the cores, so compare the figures of a line, not of two machines.
- Other programs used {others:.0%} of the machine's CPU time. More than a few percent make all
  figures worse, and some more than others.
- CPU is the user and system time of all processes of the server, without MongoDB's and wrk's.
- Before a case is measured, a request of it must have the expected response. Without a sign-in, and
  for a user without the permission, it must be refused.
- The last two columns are rollbook's figure divided by the best peer's, and by bare Flask's.
"""


def write_page(results: Results, servers: Sequence[Peer], docs: Path) -> None:
    """`servers` are in the order of the columns."""
    (docs / "performance.md").write_text(render_page(results, servers))
    (docs / "performance.svg").write_text(render_bars(results, servers))


def render_page(results: Results, servers: Sequence[Peer]) -> str:
    parts = [
        INTRODUCTION.format(
            connections=CONNECTIONS,
            others=results.get_share_of_others(),
            rounds=render_range(results.list_round_counts()),
            seconds=render_range(results.seconds.values()),
        ),
        render_machine(results, servers),
    ]
    for group in dict.fromkeys(case.group for case in CASES):
        cases = [case for case in CASES if case.group == group]
        if table := render_group(results, cases, servers):
            parts.append(f"## {group}\n\n{table}")
    parts += [
        f"## Memory and start\n\n{render_sizes(results, servers)}",
        "## CPU per request\n\n![CPU per request, by case and server](performance.svg)\n",
        f"## Goals\n\n{render_goals(results, servers)}",
    ]
    return "\n".join(parts)


def render_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    numbers = ["---"] + ["---:"] * (len(header) - 1)
    return "".join(f"| {' | '.join(row)} |\n" for row in (header, numbers, *rows))


def render_machine(results: Results, servers: Sequence[Peer]) -> str:
    lines = [f"- {name}: {value}\n" for name, value in results.machine.items()]
    known = [each for each in servers if each.key in results.versions]
    described = [
        f"- **{each.title}**: "
        + ", ".join(f"{name} {number}" for name, number in results.versions[each.key].items())
        + f". {each.notes}\n"
        for each in known
    ]
    return f"## Machine\n\n{''.join(lines)}\n## Servers\n\n{''.join(described)}"


def render_group(results: Results, cases: Sequence[Case], servers: Sequence[Peer]) -> str:
    """Render the table of a group of cases. It is empty when none of them was measured."""
    header = ["", *(each.title for each in servers), "÷ best peer", "÷ bare Flask"]
    rows = [
        render_row(results, case, metric, servers)
        for case in cases
        if case.key in results.measurements
        for metric in METRICS
    ]
    return render_table(header, rows) if rows else ""


def render_row(results: Results, case: Case, metric: Metric, servers: Sequence[Peer]) -> list[str]:
    medians = {each.key: results.get_median(case.key, each.key, metric) for each in servers}
    best = results.find_best(case.key, metric, list_peers(servers))
    ratios = (divide(medians.get(OWN), best), divide(medians.get(OWN), medians.get(FLOOR)))
    return [
        f"{case.full_title}: {METRICS[metric]}",
        *(format_number(median) for median in medians.values()),
        *(DASH if ratio is None else f"{ratio:.2f}" for ratio in ratios),
    ]


def render_sizes(results: Results, servers: Sequence[Peer]) -> str:
    def render(name: str, values: Sequence[float | None], digits: int = 0) -> list[str]:
        return [name, *(DASH if v is None else f"{v:,.{digits}f}" for v in values)]

    keys = [each.key for each in servers]
    return render_table(
        ["", *(each.title for each in servers)],
        [
            render("all processes, PSS in MB", [results.get_memory(key) for key in keys]),
            render("all processes, RSS in MB", [results.get_memory(key, "rss") for key in keys]),
            render("until the first answer, s", [results.get_start(key) for key in keys], 2),
        ],
    )


def render_goals(results: Results, servers: Sequence[Peer]) -> str:
    goals = list_goals(results, list_peers(servers))
    rows = [
        [goal.title, goal.describe_target(), goal.describe_reached(), goal.describe_verdict()]
        for goal in goals
    ]
    met = sum(goal.is_met is True for goal in goals)
    table = render_table(["goal for rollbook", "target", "measured", ""], rows)
    return f"{met} of {len(goals)} goals are met.\n\n{table}"


def render_bars(results: Results, servers: Sequence[Peer]) -> str:
    titles = {each.key: each.title for each in servers}
    groups: dict[str, dict[str, float]] = {}
    for case in sorted((case for case in CASES if case.key in PLOTTED), key=order_plotted):
        medians = {key: results.get_median(case.key, key, "cpu") for key in titles}
        values = {titles[key]: value for key, value in medians.items() if value is not None}
        groups |= {case.title.replace("`", ""): values} if values else {}
    return render_plot(
        "CPU time of the server per request",
        "Median in µs; shorter is better. Each group has a scale of its own.",
        groups,
        titles.values(),
    )


def order_plotted(case: Case) -> int:
    return PLOTTED.index(case.key)


def render_range(numbers: Iterable[float]) -> str:
    """Render the one number, or the least and the greatest of several."""
    distinct = sorted(set(numbers)) or [0]
    first, last = f"{distinct[0]:g}", f"{distinct[-1]:g}"
    return first if first == last else f"{first} to {last}"


def list_peers(servers: Sequence[Peer]) -> list[str]:
    """List the keys of the other products."""
    return [each.key for each in servers if each.key not in (OWN, FLOOR)]


def format_number(number: float | None) -> str:
    """Three significant digits, and thousands separated by commas."""
    if number is None:
        return DASH
    digits = 0 if number >= 100 else 1 if number >= 10 else 2
    return f"{number:,.{digits}f}"
