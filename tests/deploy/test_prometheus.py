"""The alert rules and the dashboard, against a real Prometheus that reads a real server."""

import itertools
import json
import re
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client import Counter

from rollbook.kit import metrics
from tests.harness.serving import get_free_port, serving
from tests.serving.guarded import GUARDED, client, register

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
DASHBOARD = json.loads((ROOT / "deploy/grafana/dashboards/rollbook.json").read_text())
RULES = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"][0]["rules"]
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
OPERATIONS = (ROOT / "docs/operations.md").read_text()
SECONDS = 20
"""For Prometheus to have two samples of everything."""
SERIES = r"\brollbook_[a-z_]+"
needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="needs Debian's package `prometheus`",
)


def list_metrics():
    """The names of all metrics, as Prometheus stores them."""
    created = metrics.create_all()
    return {f"{each._name}_total" if isinstance(each, Counter) else each._name for each in created}


def test_every_metric_is_documented():
    """Add a row to docs/operations.md."""
    assert set(re.findall(rf"`({SERIES[2:]})", OPERATIONS)) == list_metrics()


@pytest.mark.parametrize("query", [rule["expr"] for rule in RULES] + QUERIES)
def test_queries_name_existing_metrics(query):
    names = {re.sub("_bucket$", "", name) for name in re.findall(SERIES, query)}
    assert names <= list_metrics()


def test_every_alert_says_what_to_do():
    """Add a section to docs/operations.md."""
    assert set(re.findall(r"^### (Rollbook\w+)", OPERATIONS, re.M)) == {r["alert"] for r in RULES}


@needs_prometheus
def test_alerts_fire_on_their_faults():
    for command in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run(
            ["promtool", *command], cwd=PROMETHEUS, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@needs_prometheus
def test_untested_alert_is_found():
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
    fired = {
        case["alertname"]
        for each in tests
        for case in each["alert_rule_test"]
        if case.get("exp_alerts")
    }
    assert fired == {rule["alert"] for rule in RULES}


@contextmanager
def prometheus(folder, target, token):
    """A Prometheus with the shipped configuration, but for its target and its pace."""
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    (scrape,) = config["scrape_configs"]
    scrape["static_configs"] = [{"targets": [target]}]
    scrape["authorization"]["credentials_file"] = "token"
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (folder / "token").write_text(token)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    shutil.copy(PROMETHEUS / "alerts.yml", folder)
    port = get_free_port()
    options = ["--config.file=prometheus.yml", "--storage.tsdb.path=data"]
    command = ["prometheus", f"--web.listen-address=127.0.0.1:{port}", *options]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as http:
            yield http
    finally:
        process.terminate()
        process.wait(20)


def query(http, expression):
    expression = expression.replace("$__rate_interval", "10s")
    try:
        response = http.get("/api/v1/query", params={"query": expression})
    except httpx.ConnectError:
        return []
    return response.json()["data"]["result"] if response.status_code == 200 else []


@needs_prometheus
@pytest.mark.long
def test_every_panel_of_the_dashboard_shows_a_real_run(mongod, tmp_path):
    token = "5e0d1b7c93a846f2b7d1c59e03a84f62"
    settings = GUARDED | {
        "MONGODB_URI": mongod.uri,
        "MONGODB_DBNAME": "dashboard",
        "METRICS_TOKEN": token,
        "RATELIMIT_ENABLED": "true",
        "RATELIMIT_READ": "20/hour",
        "RATELIMIT_AUTH": "1000/minute",
        "RATELIMIT_REGISTRATION": "1000/minute",
        "RATELIMIT_WRITE": "1000/minute",
        "RATELIMIT_DEFAULT": "1000/second",
    }
    with serving(tmp_path, **settings) as server, client(server) as http:
        server.await_status("/ready", 200)
        target = server.url.removeprefix("http://")
        with prometheus(tmp_path, target, token) as monitor:
            deadline, numbers = time.monotonic() + SECONDS, itertools.count()
            while (missing := list_missing(monitor)) and time.monotonic() < deadline:
                user = register(http, f"user{next(numbers)}")
                for _ in range(25):
                    http.get("/api/users/me", headers=user.headers)
                http.post("/api/auth/logout", headers=user.headers)
                assert http.get("/", headers={"X-Long": "a" * 40_000}).status_code == 431
                time.sleep(0.5)
            assert missing == []
            assert query(monitor, 'ALERTS{alertstate="firing"}') == []


def list_missing(monitor):
    return [each for each in QUERIES if not query(monitor, each)]
