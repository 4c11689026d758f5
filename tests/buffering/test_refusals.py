"""Responses of the server itself, in the form that the client accepts."""

import json
import socket

import pytest

from rollbook.buffering.connections import Connection
from rollbook.buffering.refusals import refuse
from rollbook.buffering.requests import Request
from rollbook.kit.errors import Overloaded

PROBLEM = "application/problem+json"


def send_refusal(method, headers):
    server, client = socket.socketpair()
    with server, client:
        request = Request(method, "1.1", b"/api/users?page=2", headers)
        connection = Connection(server, None, None, 0)
        refuse(connection, Overloaded(), request=request, cors_headers={"Vary": "Origin"})
        connection.flush()
        head, _, body = client.recv(65_536).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    return dict(line.split(": ", 1) for line in lines[1:]), body


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ([], "application/json"),
        ([(b"accept", b"*/*")], "application/json"),
        ([(b"accept", b"text/html")], "application/json"),
        ([(b"accept", PROBLEM.encode())], PROBLEM),
        ([(b"accept", b"application/json;q=0.5, application/problem+json")], PROBLEM),
    ],
)
def test_refusal_has_the_media_type_that_is_preferred(accept, media_type):
    headers, body = send_refusal("GET", [(b"x-request-id", b"trace-7"), *accept])
    assert headers["Content-Type"] == media_type
    assert headers["Content-Length"] == str(len(body))
    content = json.loads(body)
    assert content["request_id"] == headers["X-Request-ID"] == "trace-7"
    if media_type == PROBLEM:
        assert (content["code"], content["instance"]) == ("overloaded", "/api/users")
    else:
        assert content["error"]["code"] == "overloaded"


def test_refusal_has_the_headers_of_cors_and_no_body_for_head():
    headers, body = send_refusal("HEAD", [])
    assert (headers["Vary"], headers["Retry-After"], body) == ("Origin", "1", b"")
