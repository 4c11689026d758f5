"""Medians, ratios, goals and the plot of docs/performance.md, from results in JSON."""

from xml.etree import ElementTree

import pytest

from benchmarks.comparison.goals import Goal, list_goals
from benchmarks.comparison.page import format_number, render_page, render_range
from benchmarks.comparison.plot import render_plot
from benchmarks.comparison.results import Results, divide
from benchmarks.peers.peer import Peer

PEERS = ("fast", "slow")


def build_server(key):
    return type(key, (Peer,), {"key": key, "title": key.title(), "notes": ""})(None)


SERVERS = [build_server(key) for key in ("rollbook", "floor", *PEERS)]


def build_metrics(rate, cpu):
    return {"rate": rate, "p50": 1.0, "p99": 2.0, "cpu": cpu, "others": 0.02}


@pytest.fixture
def results():
    found = Results()
    for rate in (900, 1_000, 5_000):
        found.add("read", "rollbook", build_metrics(rate, 300))
    found.add("read", "floor", build_metrics(2_000, 150))
    found.add("read", "fast", build_metrics(800, 500))
    found.add("read", "slow", build_metrics(100, 4_000))
    return found


def get_goal(results, title):
    return next(goal for goal in list_goals(results, PEERS) if goal.title == title)


def test_median_ignores_one_outlier(results):
    assert results.get_median("read", "rollbook", "rate") == 1_000
    assert results.get_median("refresh", "slow", "rate") is None


def test_best_peer_has_highest_rate_and_lowest_cpu(results):
    assert results.find_best("read", "rate", PEERS) == 800
    assert results.find_best("read", "cpu", PEERS) == 500
    assert results.find_best("refresh", "cpu", PEERS) is None


def test_partial_run_replaces_only_what_it_measures(results, tmp_path):
    path = tmp_path / "cache" / "results.json"
    results.write(path)
    merged = Results.read(path)
    merged.forget("read", "slow")
    merged.add("read", "slow", build_metrics(200, 2_000))
    assert merged.get_median("read", "slow", "rate") == 200
    assert merged.get_median("read", "fast", "rate") == 800


def test_ratio_of_missing_figure_is_missing():
    assert divide(3, 2) == 1.5
    assert divide(None, 2) is divide(3, None) is None


def test_goals_compare_with_best_peer_and_floor(results):
    own = get_goal(results, "read by id: CPU, of the best peer's")
    floor = get_goal(results, "read by id: CPU, of bare Flask's")
    assert (own.reached, own.describe_verdict()) == (0.6, "met")
    assert (floor.reached, floor.describe_verdict()) == (2.0, "missed by 33%")


def test_goal_without_measurement_is_not_met(results):
    goal = get_goal(results, "update with audit entry: requests/s, of the best peer's")
    assert (goal.is_met, goal.describe_verdict()) == (None, "not measured")


def test_limits_add_the_difference_in_cpu(results):
    results.add("limits-off", "rollbook", build_metrics(1, 300))
    results.add("limits-on", "rollbook", build_metrics(1, 350))
    assert get_goal(results, "limits on: CPU added to a read").reached == 50


def test_missed_goal_says_by_how_much():
    assert Goal("rate", 2.0, 1.5, at_most=False).describe_verdict() == "missed by 25%"
    assert Goal("start", 1.5, 1.8, at_most=True, unit="s").describe_verdict() == "missed by 20%"


def test_numbers_have_three_significant_digits():
    assert [format_number(n) for n in (1234.4, 12.34, 1.234)] == ["1,234", "12.3", "1.23"]
    assert format_number(None) == "\N{EN DASH}"
    assert (render_range([3, 3]), render_range([5, 2, 5])) == ("3", "2 to 5")


def test_page_has_ratios_and_dashes(results):
    page = render_page(results, SERVERS)
    assert "| read by id: requests/s | 1,000 | 2,000 | 800 | 100 | 1.25 | 0.50 |" in page
    assert "| until the first answer, s | \N{EN DASH} |" in page


def test_plot_escapes_text_and_scales_each_group():
    groups = {"a < b": {"R & D": 50.0, "slow": 100.0}, "c": {"slow": 7.0}}
    svg = ElementTree.fromstring(render_plot("t", "s", groups, ("R & D", "slow")))
    names = [each.text for each in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a < b", "R & D", "50 µs", "7 µs"} <= set(names)
    bars = [each for each in svg.iter("{http://www.w3.org/2000/svg}rect") if each.get("x")]
    widths = [float(bar.get("width")) for bar in bars]
    assert widths[0] * 2 == pytest.approx(widths[1], abs=0.2)
    assert widths[1] == widths[2]
