"""Between a parsed request and the WSGI application (PEP 3333)."""

import io
import mmap
import os
import re
import sys
import time
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from rollbook.buffering.connections import Connection
from rollbook.buffering.requests import Request
from rollbook.web.requests import STOPPING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MAX_COPIED = 65_536
"""A longer body is not copied behind its head: slow clients may share it."""
MAX_MAPPED_FILES = 64
NAMES_WITHOUT_PREFIX = {"CONTENT_TYPE", "CONTENT_LENGTH"}
SERVER = "rollbook"
_ABSOLUTE_FORM = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")


class FileWrapper:
    """A file that is sent as it is: `wsgi.file_wrapper`."""

    def __init__(self, file: Any, block_size: int = 8192) -> None:
        self.file = file
        self._block_size = block_size

    def __iter__(self) -> Iterable[bytes]:
        return iter(lambda: self.file.read(self._block_size), b"")

    def read_all(self) -> memoryview:
        """Return the rest of the file.

        It is mapped once, so many slow clients cost one descriptor and no memory.
        """
        status, start = os.fstat(self.file.fileno()), self.file.tell()
        if start >= status.st_size:
            return memoryview(b"")
        mapped = _map_file(self.file.name, status.st_ino, status.st_mtime_ns)
        return memoryview(mapped)[start:]

    def close(self) -> None:
        self.file.close()


@lru_cache(MAX_MAPPED_FILES)
def _map_file(name: str, inode: int, changed: int) -> mmap.mmap:  # noqa: ARG001 - cache key
    with Path(name).open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


BASE_ENVIRON: Mapping[str, Any] = {
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
    "wsgi.file_wrapper": FileWrapper,
    "wsgi.input_terminated": True,
    "SCRIPT_NAME": "",
    "SERVER_SOFTWARE": SERVER,
}


def respond(
    app: "WSGIApplication", request: Request, connection: Connection, *, is_stopping: bool = False
) -> None:
    """Call the application, and leave the whole response to the connection to send."""
    start: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
        start[:] = status, headers
        return None  # Flask does not call `write`, which PEP 3333 keeps for older frameworks.

    environ = build_environ(request, connection)
    environ[STOPPING] = is_stopping
    result = app(environ, start_response)
    try:
        _send(request, connection, result, start)
    finally:
        if hasattr(result, "close"):
            result.close()


def build_environ(request: Request, connection: Connection) -> dict[str, Any]:
    """Build the environ. A field with `_` is dropped: it could pass for one with `-`."""
    path, query = split_target(request.target)
    environ = dict(BASE_ENVIRON)
    for name, value in request.headers:
        key, text = _get_key(name), value.decode("latin-1").rstrip(" \t")
        if key in environ:
            separator = "; " if key == "HTTP_COOKIE" else ","
            text = f"{environ[key]}{separator}{text}"
        if key:
            environ[key] = text
    environ["REQUEST_METHOD"] = request.method
    environ["PATH_INFO"] = path
    environ["QUERY_STRING"] = query
    environ["SERVER_PROTOCOL"] = f"HTTP/{request.version}"
    environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = connection.peer
    environ["SERVER_NAME"], environ["SERVER_PORT"] = connection.server
    environ["wsgi.input"] = io.BytesIO(request.body)
    return environ


def render_head(
    status: str, headers: Iterable[tuple[str, str]], *, keeps_alive: bool, version: str = "1.1"
) -> bytes:
    """Render the status line and the header fields, up to the empty line.

    Raises: ValueError, if a field contains a line break.
    """
    lines = [f"HTTP/1.1 {status}", f"Server: {SERVER}", f"Date: {_render_date(int(time.time()))}"]
    if not keeps_alive:
        lines.append("Connection: close")
    elif version == "1.0":
        lines.append("Connection: keep-alive")
    lines += [f"{name}: {value}" for name, value in headers]
    head = "\r\n".join(lines) + "\r\n\r\n"
    if head.count("\n") != len(lines) + 1 or head.count("\r") != len(lines) + 1:
        raise ValueError("a header field contains a line break")
    return head.encode("latin-1")


def _send(request: Request, connection: Connection, result: Any, start: list[Any]) -> None:
    """Leave the response to the connection, with a Content-Length where there can be a body."""
    body = result.read_all() if isinstance(result, FileWrapper) else b"".join(result)
    status, headers = start
    has_body = request.method != "HEAD" and status[:3] not in ("204", "304")
    if has_body and not any(name.lower() == "content-length" for name, _ in headers):
        headers = [*headers, ("Content-Length", str(len(body)))]
    connection.keeps_alive = request.keeps_alive and connection.keeps_alive
    head = render_head(status, headers, keeps_alive=connection.keeps_alive, version=request.version)
    if not has_body:
        connection.send(head)
    elif isinstance(body, bytes) and len(body) <= MAX_COPIED:
        connection.send(head + body)
    else:
        connection.send(head)
        connection.send(body)


def split_target(target: bytes) -> tuple[str, str]:
    """Split a request target (RFC 9112 §3.2) into the decoded path and the query.

    WSGI wants bytes as latin-1 characters.
    """
    if not target.startswith(b"/"):
        target = _ABSOLUTE_FORM.sub(b"", target, count=1)
    path, _, query = target.partition(b"#")[0].partition(b"?")
    return unquote_to_bytes(path).decode("latin-1"), query.decode("latin-1")


@lru_cache(512)
def _get_key(name: bytes) -> str:
    """Return the key of a header field in the environ, or nothing if the field is dropped."""
    if b"_" in name:
        return ""
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in NAMES_WITHOUT_PREFIX else f"HTTP_{key}"


@lru_cache(2)
def _render_date(seconds: int) -> str:
    """Render a time for the Date header (RFC 9110 §5.6.7)."""
    return formatdate(seconds, usegmt=True)
