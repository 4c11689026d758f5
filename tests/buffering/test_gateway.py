"""The way from a request to the WSGI application and back."""

import gc
import socket
import weakref

import pytest

from rollbook.buffering.connections import Connection
from rollbook.buffering.gateway import FileWrapper, build_environ, render_head, respond
from rollbook.buffering.requests import Request


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def connection(pair):
    return Connection(pair[0], ("::1", 40_000, 0, 0), ("::1", 5000, 0, 0), 65_536)


def build_request(method="GET", target=b"/", headers=(), **options):
    options = {"keeps_alive": True} | options
    return Request(method, "1.1", target, [(b"host", b"x"), *headers], **options)


def exchange(connection, pair, app, request):
    respond(app, request, connection)
    assert connection.flush()
    return pair[1].recv(65_536)


def make_app(status, body, *headers):
    def app(environ, start_response):
        start_response(status, list(headers))
        return body

    return app


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/a/b?c=d&e", "/a/b", "c=d&e"),
        (b"/a%20b%3Fc%C3%A9?d%20e", "/a b?c\u00c3\u00a9", "d%20e"),
        (b"/a?b#c", "/a", "b"),
        (b"//host/a", "//host/a", ""),
        (b"http://elsewhere/a?b", "/a", "b"),
        (b"http://elsewhere", "", ""),
        (b"http://[not an address]/a", "/a", ""),
        (b"*", "*", ""),
    ],
)
def test_target_is_split(connection, target, path, query):
    environ = build_environ(build_request(target=target), connection)
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == (path, query)


def test_fields_become_variables(connection):
    headers = [
        (b"content-type", b"text/plain"),
        (b"content-length", b"3 "),
        (b"accept", b"a"),
        (b"accept", b"b"),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
        (b"x-forwarded_for", b"1.2.3.4"),
        (b"remote_addr", b"1.2.3.4"),
    ]
    environ = build_environ(build_request("POST", headers=headers, body=b"abc"), connection)
    assert environ["CONTENT_TYPE"] == "text/plain"
    assert environ["CONTENT_LENGTH"] == "3"
    assert environ["HTTP_ACCEPT"] == "a,b"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["REMOTE_ADDR"] == "::1"
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("::1", "5000")
    assert environ["wsgi.input"].read() == b"abc"
    assert not any("1.2.3.4" in str(value) for value in environ.values())


def test_unix_socket_has_no_address(pair):
    environ = build_environ(build_request(), Connection(pair[0], "", "/run/rollbook", 1))
    assert (environ["REMOTE_ADDR"], environ["SERVER_PORT"]) == ("", "")


def test_length_is_added(connection, pair):
    response = exchange(connection, pair, make_app("200 OK", [b"ab", b"c"]), build_request())
    assert response.startswith(b"HTTP/1.1 200 OK\r\nServer: rollbook\r\nDate: ")
    assert response.endswith(b"\r\nContent-Length: 3\r\n\r\nabc")
    assert b"Connection" not in response


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 X")]
)
def test_response_without_body_has_none(connection, pair, method, status):
    response = exchange(connection, pair, make_app(status, [b"abc"]), build_request(method))
    assert response.endswith(b"\r\n\r\n")


def test_last_response_says_so(connection, pair):
    request = build_request(keeps_alive=False)
    assert b"\r\nConnection: close\r\n" in exchange(
        connection, pair, make_app("200 OK", []), request
    )
    assert not connection.keeps_alive


def test_http_1_0_is_told_that_the_connection_stays():
    head = render_head("200 OK", [], keeps_alive=True, version="1.0")
    assert b"Connection: keep-alive" in head


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\rb"])
def test_line_break_in_a_field_is_refused(value):
    with pytest.raises(ValueError, match="line break"):
        render_head("200 OK", [("X", value)], keeps_alive=True)


@pytest.mark.parametrize("content", [b"", b"abc", b"x" * 5000])
def test_file_is_sent_from_its_position(connection, pair, tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(b"__" + content)
    file = path.open("rb")
    file.seek(2)
    app = make_app("200 OK", FileWrapper(file))
    head, _, body = exchange(connection, pair, app, build_request()).partition(b"\r\n\r\n")
    assert body == content
    assert b"Content-Length: %d" % len(content) in head
    assert file.closed


def test_nothing_is_sent_of_a_response_that_fails(connection, pair):
    class Failing(FileWrapper):
        def read_all(self):
            raise OSError("the disk is gone")

    with pair[0].dup() as _, pytest.raises(OSError, match="disk"):
        respond(make_app("200 OK", Failing(pair[1].makefile())), build_request(), connection)
    assert connection.flush()
    pair[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        pair[1].recv(1)


def test_closed_connection_is_freed_at_once(pair):
    connection = Connection(pair[0], "", "", 100)
    connection.reader.feed(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhalf")
    reader = weakref.ref(connection.reader)
    gc.disable()
    try:
        connection.close()
        del connection
        assert reader() is None
    finally:
        gc.enable()
