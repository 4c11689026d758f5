"""GET /metrics: who may read it, and what it counts."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from rollbook import __version__
from rollbook.access.principal import SYSTEM
from rollbook.kit import metrics
from rollbook.storage.transactions import RetryTransaction, in_transaction
from tests.conftest import ADA, PASSWORD
from tests.harness.serving import wait_until

TOKEN = "b7d1c59e03a84f62c4f7029be6138d5a"


def read(client, **options):
    """The samples by name and labels, such as `rollbook_sign_ins_total{result="succeeded"}`."""
    response = client.get("/metrics", **options)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = [line for line in response.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def count(before, after, name):
    return after.get(name, 0) - before.get(name, 0)


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("192.0.2.7", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, 403),
        ("127.0.0.1", {"Forwarded": "for=192.0.2.7"}, 403),
    ],
)
def test_only_this_machine_reads_metrics_without_token(client, address, headers, status):
    response = client.get("/metrics", environ_base={"REMOTE_ADDR": address}, headers=headers)
    assert response.status_code == status
    if status == 403:
        assert "METRICS_TOKEN" in response.json["message"]


@pytest.mark.parametrize(
    "changes",
    [{"environment": "production", "bcrypt_rounds": 10}, {"trusted_proxies": 1}],
)
def test_proxy_on_this_machine_reads_no_metrics(make_app, changes):
    response = make_app(**changes).test_client().get("/metrics")
    assert response.status_code == 403


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (f"Bearer {TOKEN}x", 401),
        (f"Basic {TOKEN}", 401),
        ("Bearer ", 401),
        (None, 401),
    ],
)
def test_everyone_sends_token_if_there_is_one(make_app, authorization, status):
    client = make_app(metrics_token=TOKEN).test_client()
    for address in ("127.0.0.1", "192.0.2.7"):
        headers = {"Authorization": authorization} if authorization else {}
        options = {"environ_base": {"REMOTE_ADDR": address}, "headers": headers}
        assert client.get("/metrics", **options).status_code == status


def test_requests_are_counted_by_route_and_status(client, ada):
    before = read(client)
    for _ in range(3):
        client.get(f"/api/users/{ada['id']}")
    client.get("/api/users/nobody@example.com")
    after = read(client)
    labels = 'method="GET",route="/api/users/{ref}"'
    requests = "rollbook_http_requests_total"
    assert count(before, after, f'{requests}{{{labels},status="200"}}') == 3
    assert count(before, after, f'{requests}{{{labels},status="404"}}') == 1
    assert count(before, after, f"rollbook_http_request_seconds_count{{{labels}}}") == 4
    assert after["rollbook_http_requests_in_flight"] == 1  # The one that reads the metrics.


def test_what_a_client_chooses_is_no_label(client):
    client.open("/api/users", method="BREW")
    client.get("/first")
    before = read(client)
    for number in range(5):
        client.open("/api/users", method=f"BREW{number}")
        client.get(f"/path-{number}")
        client.get(f"/api/users/user{number}@example.com")
    new = read(client).keys() - before.keys()
    assert {re.sub(r"{.*", "", name) for name in new} <= {
        "rollbook_http_requests_total",
        "rollbook_http_requests_created",
        "rollbook_http_request_seconds_bucket",
        "rollbook_http_request_seconds_count",
        "rollbook_http_request_seconds_sum",
        "rollbook_http_request_seconds_created",
    }
    assert all('route="/api/users/{ref}"' in name for name in new)


def test_sign_ins_are_counted_by_result(guarded, make_app, client, ada):
    before = read(guarded)
    for password in (PASSWORD, "wrong", PASSWORD):
        guarded.post("/api/auth/login", json={"email": ADA["email"], "password": password})
    after = read(guarded)
    results = "rollbook_sign_ins_total"
    assert count(before, after, f'{results}{{result="succeeded"}}') == 2
    assert count(before, after, f'{results}{{result="invalid_credentials"}}') == 1
    assert count(before, after, "rollbook_sessions_started_total") == 2
    assert count(before, after, "rollbook_sessions_ended_total") == 0


def test_ended_sessions_are_counted(client, ada):
    login = {"email": ADA["email"], "password": PASSWORD}
    for _ in range(2):
        client.post("/api/auth/login", json=login)
    before = read(client)
    client.patch(f"/api/users/{ada['id']}", json={"is_active": False})
    assert count(before, read(client), "rollbook_sessions_ended_total") == 2


def test_refusals_are_counted_by_limit(make_app):
    client = make_app(ratelimit_enabled=True, ratelimit_default="3/minute").test_client()
    before = read(client)
    statuses = [client.get("/api/users").status_code for _ in range(5)]
    assert statuses.count(429) == 2
    assert count(before, read(client), 'rollbook_limit_refusals_total{limit="default"}') == 2


def test_retries_of_transactions_are_counted(client):
    attempts = iter([True, True, False])

    def work():
        if next(attempts):
            raise RetryTransaction()

    before = read(client)
    in_transaction(work, actor=SYSTEM)
    assert count(before, read(client), "rollbook_transaction_retries_total") == 2


def test_commands_and_connections_are_measured(client, ada):
    before = read(client)
    client.get(f"/api/users/{ada['id']}")
    after = read(client)
    assert count(before, after, 'rollbook_mongodb_command_seconds_count{command="find"}') >= 1
    assert after["rollbook_mongodb_connections"] >= 1
    assert after["rollbook_database_ready"] == 1


def test_connections_in_use_are_counted(client, stored):
    name = "rollbook_mongodb_connections_in_use"
    before = read(client)[name]
    with stored.users.watch(max_await_time_ms=300) as changes, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(changes.try_next)
        wait_until(lambda: read(client)[name] > before)
        waiting.result()
    wait_until(lambda: read(client)[name] == before)


def test_sweep_and_its_lease_are_counted(client, services, stored):
    stored.leases.delete_many({})
    before = read(client)
    services.retention.sweep()
    after = read(client)
    assert count(before, after, 'rollbook_leases_acquired_total{lease="retention sweep"}') == 1
    assert after["rollbook_sweep_success_timestamp_seconds"] > 1_700_000_000


def test_result_is_counted_with_its_error_code(client):
    from rollbook.passwords.errors import TooBusy

    before = read(client)
    with pytest.raises(TooBusy), metrics.count_result(metrics.sign_ins()):
        raise TooBusy()
    name = f'rollbook_sign_ins_total{{result="{TooBusy.code}"}}'
    assert count(before, read(client), name) == 1


def test_version_is_a_metric(client, monkeypatch):
    from rollbook.ops import process_metrics

    monkeypatch.setattr(process_metrics, "run_periodically", lambda *_, **__: None)
    process_metrics.measure_process()
    after = read(client)
    assert any(f'version="{__version__}"' in name for name in after)
    assert after["rollbook_worker_resident_memory_bytes"] > 1_000_000
    assert after["rollbook_worker_cpu_seconds_total"] > 0
