"""The variables OTEL_*, and what is wrong with them."""

import pytest

from rollbook import telemetry

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


def test_variables_come_from_the_environment_and_env_file(tmp_path, monkeypatch):
    file = tmp_path / ".env"
    file.write_text("OTEL_SERVICE_NAME=orders\nOTEL_EXPORTER_OTLP_ENDPOINT=http://a:1\nPORT=5000\n")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "accounts")
    variables = telemetry.read_variables(str(file))
    assert variables["OTEL_SERVICE_NAME"] == "accounts"
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://a:1"
    assert "PORT" not in variables


@pytest.mark.parametrize(
    ("variables", "mistake"),
    [
        ({}, None),
        (ENDPOINT, None),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, None),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, telemetry.WRONG_PROTOCOL),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, None),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, telemetry.WRONG_PROTOCOL),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, None),
    ],
)
def test_mistake_is_named(variables, mistake):
    assert telemetry.find_mistake(variables) == mistake


def test_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr(telemetry, "find_spec", lambda name: None)
    assert telemetry.find_mistake(ENDPOINT) == telemetry.NOT_INSTALLED
    assert telemetry.find_mistake({}) is None
