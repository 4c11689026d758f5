"""Traces and the log reach a real OTLP receiver, and carry nothing personal."""

import gzip
import json
import logging
import signal
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from flask import Flask
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from rollbook import telemetry
from tests.conftest import PASSWORD
from tests.harness.serving import serving, wait_until

KINDS = {"/v1/traces": ExportTraceServiceRequest, "/v1/logs": ExportLogsServiceRequest}
TRACE = "0af7651916cd43dd8448eb211c80319c"
SERVER_SPAN, CLIENT_SPAN = 2, 3
ADA = {"name": "Ada", "email": "ada@house.org", "password": PASSWORD}


class Receiver:
    """An OTLP receiver over HTTP with protobuf (OTLP specification 1.x)."""

    def __init__(self):
        self.received = {path: [] for path in KINDS}
        self.headers = []

    @property
    def spans(self):
        exports = self.received["/v1/traces"]
        scopes = [s for each in list(exports) for r in each.resource_spans for s in r.scope_spans]
        return [span for scope in scopes for span in scope.spans]

    @property
    def records(self):
        exports = self.received["/v1/logs"]
        scopes = [s for each in list(exports) for r in each.resource_logs for s in r.scope_logs]
        return [record for scope in scopes for record in scope.log_records]

    @property
    def text(self):
        return "\n".join(str(each) for exports in self.received.values() for each in list(exports))


@pytest.fixture
def receiver():
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            receiver.headers.append(dict(self.headers))
            receiver.received[self.path].append(KINDS[self.path].FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        receiver.url = f"http://127.0.0.1:{server.server_port}"
        yield receiver
        server.shutdown()
        thread.join()


@pytest.fixture
def settings(mongod):
    return {
        "MONGODB_URI": mongod.uri,
        "MONGODB_DBNAME": "telemetry",
        "LOG_FORMAT": "json",
        "OTEL_BSP_SCHEDULE_DELAY": 200,
        "OTEL_BLRP_SCHEDULE_DELAY": 200,
    }


def get_attributes(item):
    return {each.key: each.value.string_value for each in item.attributes}


def test_request_becomes_a_trace_without_personal_data(receiver, settings, tmp_path):
    settings |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=otel-test",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test",
        "LOG_CLIENT_ADDRESS": "false",
    }
    with serving(tmp_path, **settings) as server:
        server.await_status("/ready", 200)
        with httpx.Client(base_url=server.url) as http:
            traced = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
            assert http.post("/api/users", json=ADA, headers=traced).status_code == 201
            assert http.post("/api/users", json=ADA).status_code == 409
            assert http.get("/api/users/ada@house.org").status_code == 200
            assert http.get("/api/users?email=ada@house.org").status_code == 200
            named = {"User-Agent": "bot ada@house.org"}
            assert http.get("/nowhere/ada@house.org", headers=named).status_code == 404
            assert httpx.request("ADAHOUSE", f"{server.url}/api/users").status_code == 405
            assert http.get("/api/users", headers={"Host": "ada@house.org"}).status_code == 400
        wait_until(lambda: "GET -" in [span.name for span in receiver.spans])
        assert server.stop() == 0

    spans = {span.name: span for span in receiver.spans if span.kind == SERVER_SPAN}
    assert set(spans) >= {"POST /api/users", "GET /api/users/{ref}", "GET /api/users", "GET -"}
    assert all(name.split()[0] in {"GET", "POST", "other"} for name in spans)
    (created,) = [
        span for span in receiver.spans if span.trace_id.hex() == TRACE and span.kind == 2
    ]
    commands = [span for span in receiver.spans if span.parent_span_id == created.span_id]
    assert {span.name for span in commands} >= {"telemetry.insert", "admin.commitTransaction"}
    client_spans = [span for span in receiver.spans if span.kind == CLIENT_SPAN]
    assert all(span.parent_span_id for span in client_spans)

    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    (line,) = [line for line in lines if line.get("status") == 201]
    assert line["trace_id"] == TRACE
    assert all(
        line["trace_id"]
        for line in lines
        if "milliseconds" in line and "route" in line and line["route"].startswith("/api")
    )
    (record,) = [
        each
        for each in receiver.records
        if get_attributes(each).get("request_id") == line["request_id"]
    ]
    assert record.trace_id.hex() == TRACE
    assert receiver.headers[0]["api-key"] == "otel-test"
    assert get_attributes(created)["client.address"] == telemetry.HIDDEN
    for secret in ("ada@", "ADAHOUSE", PASSWORD, "mongodb://"):
        assert secret not in receiver.text
    assert "deployment.environment" in receiver.text
    assert '"rollbook"' in receiver.text


@pytest.fixture
def hanging():
    """An address that accepts connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("state", ["away", "hanging"])
def test_collector_that_fails_harms_nothing(state, hanging, settings, tmp_path):
    url = hanging if state == "hanging" else "http://127.0.0.1:1"
    settings |= {"OTEL_EXPORTER_OTLP_ENDPOINT": url}
    with serving(tmp_path, **settings) as server:
        server.await_status("/ready", 200)
        with httpx.Client(base_url=server.url) as http:
            began = time.monotonic()
            assert {http.get("/api/users").status_code for _ in range(1000)} == {200}
            assert time.monotonic() - began < 15
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        assert time.monotonic() - began < 6


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
        },
    ],
)
def test_nothing_is_loaded_unless_it_is_on(variables, monkeypatch):
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    read = telemetry.read_variables("/nowhere/.env")
    app = Flask("x")
    untouched, handlers = app.wsgi_app, list(logging.getLogger().handlers)
    telemetry.start(read, shows_address=True)(app)
    assert app.wsgi_app == untouched
    assert app.before_request_funcs == {}
    assert logging.getLogger().handlers == handlers


def test_own_name_of_the_service_counts(receiver, settings, tmp_path):
    settings |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=accounts",
        "LOG_LEVEL": "DEBUG",
    }
    with serving(tmp_path, **settings) as server:
        server.await_status("/ready", 200)
        assert httpx.get(f"{server.url}/api/users").status_code == 200
        wait_until(lambda: receiver.spans)
    assert '"accounts"' in receiver.text
    assert '"rollbook"' not in receiver.text
    assert "urllib3" not in receiver.text
