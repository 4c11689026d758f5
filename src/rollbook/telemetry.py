"""OpenTelemetry: traces of requests and of MongoDB's commands, and the log, sent by OTLP over HTTP.

The extra `otel` brings what it needs. The standard variables OTEL_* switch it on and configure it:
endpoint, headers, sampler, resource (OpenTelemetry specification, "Environment Variables").
"""

import atexit
import logging
import os
import threading
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from dotenv import dotenv_values
from flask import Flask, request

from rollbook import __version__
from rollbook.ops.hooks import METHODS, OTHER, TRACE_ID, get_route

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.trace import Span

PREFIX = "OTEL_"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
SIGNALS = ("TRACES", "LOGS")
PROTOCOL = "http/protobuf"
DEFAULTS = {
    "OTEL_SERVICE_NAME": "rollbook",
    "OTEL_SEMCONV_STABILITY_OPT_IN": "http,database",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
    "OTEL_PYTHON_FLASK_EXCLUDED_URLS": "/ping$,/health$,/ready$,/metrics$",
}
"""For variables that are unset.

Stable names of attributes; a time-out in seconds; and no span for a probe.
"""
FLUSH_SECONDS = 1.0
HIDDEN = "-"
SHOWN = frozenset(
    {
        "error.type",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "network.protocol.version",
        "url.scheme",
    }
)
"""Attributes of a span that hold nothing that a client has chosen."""
ADDRESS = "client.address"
NEEDED = (
    "opentelemetry.exporter.otlp.proto.http",
    "opentelemetry.instrumentation.flask",
    "opentelemetry.instrumentation.logging",
    "opentelemetry.instrumentation.pymongo",
)
UNSENT = ("opentelemetry", "requests", "urllib3")
"""Loggers of what sends the log: it would send what it says about itself."""
NOT_INSTALLED = (
    "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed, so nothing is sent. "
    "Run `pip install 'rollbook[otel]'`."
)
WRONG_PROTOCOL = f"OTEL_EXPORTER_OTLP_PROTOCOL: only {PROTOCOL} is supported, so nothing is sent."

Instrument = Callable[[Flask], None]


def read_variables(env_file: str = ".env") -> dict[str, str]:
    """Return the variables OTEL_* of the environment and of .env. Empty means unset."""
    known = {**dotenv_values(env_file), **os.environ}
    return {name: text for name, text in known.items() if name.startswith(PREFIX) and text}


def find_mistake(variables: Mapping[str, str]) -> str | None:
    """Say why nothing is sent although the variables ask for it."""
    if not any(_is_on(variables, signal) for signal in SIGNALS):
        return None
    names = ("OTEL_EXPORTER_OTLP_PROTOCOL", *(f"OTEL_EXPORTER_OTLP_{s}_PROTOCOL" for s in SIGNALS))
    if any(variables.get(name, PROTOCOL) != PROTOCOL for name in names):
        return WRONG_PROTOCOL
    return None if _is_installed() else NOT_INSTALLED


def start(variables: Mapping[str, str], *, shows_address: bool) -> Instrument:
    """Start to send what the variables ask for. Call it in each process, after the fork.

    Returns what adds the traces of requests to an application. `shows_address`: the address of the
    client is sent.
    """
    if find_mistake(variables):
        return lambda _: None
    _set_environment(variables)
    if _is_on(variables, "LOGS"):
        _send_log()
    if not _is_on(variables, "TRACES"):
        return lambda _: None
    _send_traces()
    return lambda app: _instrument(app, shows_address=shows_address)


def _is_on(variables: Mapping[str, str], signal: str) -> bool:
    if variables.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporters = variables.get(f"OTEL_{signal}_EXPORTER")
    has_endpoint = ENDPOINT in variables or f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT" in variables
    return has_endpoint if exporters is None else "otlp" in exporters.replace(" ", "").split(",")


def _is_installed() -> bool:
    try:
        return all(find_spec(name) for name in NEEDED)
    except ModuleNotFoundError:  # A package above it is missing.
        return False


def _set_environment(variables: Mapping[str, str]) -> None:
    """Let the SDK, which reads the environment itself, see the variables and no empty one."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    os.environ.update(DEFAULTS)
    if "service.name=" in variables.get("OTEL_RESOURCE_ATTRIBUTES", ""):
        del os.environ["OTEL_SERVICE_NAME"]  # It would come first.
    os.environ.update(variables)


def _build_resource() -> "Resource":
    from opentelemetry.sdk.resources import Resource

    return Resource.create({"service.version": __version__})


def _flush_at_exit(shutdown: Callable[[], Any]) -> None:
    """Send the rest when the process ends, and do not wait longer for a collector that hangs."""

    def flush() -> None:
        sender = threading.Thread(target=shutdown, daemon=True)
        sender.start()
        sender.join(FLUSH_SECONDS)

    atexit.register(flush)


def _send_log() -> None:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.instrumentation.logging.handler import LoggingHandler
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    provider = LoggerProvider(_build_resource(), shutdown_on_exit=False)
    _flush_at_exit(provider.shutdown)
    provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    handler = LoggingHandler(logger_provider=provider)
    handler.addFilter(lambda record: not record.name.startswith(UNSENT))
    logging.getLogger().addHandler(handler)


def _send_traces() -> None:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.pymongo import PymongoInstrumentor
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    class RequestsOnly(BatchSpanProcessor):
        """Leaves out the commands of background work, such as waiting for changes."""

        def on_end(self, span: ReadableSpan) -> None:
            if span.parent is not None or span.kind is not trace.SpanKind.CLIENT:
                super().on_end(span)

    provider = TracerProvider(resource=_build_resource(), shutdown_on_exit=False)
    _flush_at_exit(provider.shutdown)
    provider.add_span_processor(RequestsOnly(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    PymongoInstrumentor().instrument(failed_hook=_hide_values)


def _instrument(app: Flask, *, shows_address: bool) -> None:
    from opentelemetry.instrumentation.flask import FlaskInstrumentor

    def finish_span(span: "Span", *_: Any) -> None:
        _hide_personal_data(span, shows_address=shows_address)

    FlaskInstrumentor.instrument_app(  # type: ignore[no-untyped-call]
        app, request_hook=_pass_trace_id, response_hook=finish_span, enable_commenter=False
    )


def _pass_trace_id(span: "Span", environ: dict[str, Any]) -> None:
    """Let the log have the id of the trace."""
    environ[TRACE_ID] = f"{span.get_span_context().trace_id:032x}"


def _hide_personal_data(span: "Span", *, shows_address: bool) -> None:
    """Name a span by its route, and hide what a client may fill with an e-mail address."""
    method = request.method if request.method in METHODS else OTHER
    span.update_name(f"{method} {get_route()}")
    shown = SHOWN | {ADDRESS} if shows_address else SHOWN
    for name in set(getattr(span, "attributes", None) or ()) - shown:
        span.set_attribute(name, HIDDEN)


def _hide_values(span: "Span", event: Any) -> None:
    """Describe a failed command by its code: the message of a duplicate key has the value."""
    from opentelemetry.trace import Status, StatusCode

    span.set_status(Status(StatusCode.ERROR, str(event.failure.get("codeName", "error"))))
