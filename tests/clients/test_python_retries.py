"""What the Python client sends again, and what it never does, with responses of a stand-in."""

import itertools
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from rollbook_client import Client, RollbookError, Tokens
from rollbook_client.messages import Request
from rollbook_client.retries import MAX_FAILURES, RetryBudget, may_resend

OLD = Tokens("old", "old-refresh")
POST = Request("POST", "/users", headers=httpx.Headers({"idempotency-key": "k"}))
PATCH = Request("PATCH", "/users/me")
GET = Request("GET", "/users")
SENT = httpx.Request("GET", "http://x/api/users")


def refuse(status, code, **headers):
    body = {"message": "", "error": {"code": code, "details": []}, "request_id": "1"}
    return httpx.Response(status, json=body, headers=headers, request=SENT)


def grant(name):
    user = {"username": name}
    data = {"access_token": name, "refresh_token": f"{name}-refresh", "user": user}
    return httpx.Response(200, json={"data": data})


class StandIn:
    """Answers each path with its responses in turn, and keeps the requests."""

    def __init__(self, **responses):
        self.responses = {path: iter(items) for path, items in responses.items()}
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        response = next(self.responses[request.url.path.rpartition("/")[2]])
        if callable(response):
            response = response()
        if isinstance(response, Exception):
            raise response
        return response

    def count(self, method, path):
        sent = [(each.method, each.url.path) for each in self.requests]
        return sent.count((method, f"/api{path}"))

    def make_client(self, **options):
        http = httpx.Client(transport=httpx.MockTransport(self))
        return Client("http://x", http=http, **options)


LOST = httpx.ReadError("lost")


@pytest.mark.parametrize(
    ("request_", "result", "expected"),
    [
        (PATCH, refuse(429, "too_many_requests"), True),
        (PATCH, refuse(503, "too_busy"), True),
        (PATCH, refuse(503, "limits_unavailable"), True),
        (PATCH, refuse(503, "unavailable"), False),
        (PATCH, httpx.Response(503, text="<!doctype html>", request=SENT), False),
        (GET, refuse(503, "unavailable"), True),
        (POST, refuse(503, "unavailable"), True),
        (POST, refuse(409, "idempotency_key_in_flight"), True),
        (POST, refuse(409, "email_taken"), False),
        (GET, refuse(404, "user_not_found"), False),
        (GET, httpx.Response(200, json={"data": None}), False),
        (PATCH, LOST, False),
        (GET, LOST, True),
        (POST, LOST, True),
        (Request("POST", "/auth/login"), LOST, False),
        (Request("POST", "/auth/refresh"), LOST, True),
        (PATCH, httpx.ConnectError("refused"), True),
        (PATCH, httpx.ConnectTimeout("late"), True),
        (GET, httpx.UnsupportedProtocol("ftp"), False),
    ],
)
def test_request_is_sent_again_only_where_that_is_safe(request_, result, expected):
    assert may_resend(request_, result) is expected


def test_waits_stay_within_the_budget():
    budget = RetryBudget(30)
    assert 27 <= budget.take(refuse(429, "too_many_requests", **{"Retry-After": "27"})) <= 30
    assert budget.take(refuse(429, "too_many_requests", **{"Retry-After": "4"})) is None
    waits = [RetryBudget(30).take(refuse(503, "too_busy")) for _ in range(100)]
    assert 0.5 <= min(waits) < max(waits) <= 0.625


def test_lost_responses_end_after_doubled_waits():
    budget = RetryBudget(30)
    waits = [budget.take(LOST) for _ in range(MAX_FAILURES)]
    assert [round(wait / 0.56) for wait in waits] == [1, 2, 4]
    assert budget.take(LOST) is None


def test_call_is_not_sent_again_for_another_user():
    signing_in, signed_in = threading.Event(), threading.Event()

    def respond():
        signing_in.set()
        signed_in.wait()
        return refuse(401, "token_expired")

    stand_in = StandIn(
        me=[respond],
        login=[grant("eve")],
        refresh=[refuse(401, "invalid_refresh_token")],
    )
    kept = []
    with stand_in.make_client(tokens=OLD, on_tokens=kept.append) as client:
        with ThreadPoolExecutor() as pool:
            change = pool.submit(client.change_user, "me", first_name="Ada")
            signing_in.wait()
            client.sign_in("eve", "nine muddy boots")
            signed_in.set()
            with pytest.raises(RollbookError, match="invalid_refresh_token"):
                change.result()
        assert client.tokens.access == "eve"
    assert stand_in.count("PATCH", "/users/me") == 1
    assert [tokens.access for tokens in kept] == ["eve"]


def test_refused_refresh_sends_no_call_without_token():
    expired = itertools.repeat(refuse(401, "token_expired"))
    stand_in = StandIn(users=expired, refresh=[refuse(401, "invalid_refresh_token")])
    with stand_in.make_client(tokens=OLD) as client, ThreadPoolExecutor(8) as pool:
        body = {"email": "ada@example.com", "password": "nine muddy boots"}
        calls = [pool.submit(client.create_user, **body) for _ in range(8)]
        codes = {call.exception().code for call in calls}
    assert codes <= {"invalid_refresh_token", "token_expired"}
    assert stand_in.count("POST", "/auth/refresh") == 1
    sent = [each for each in stand_in.requests if each.url.path == "/api/users"]
    assert {each.headers["Authorization"] for each in sent} == {"Bearer old"}


def test_parallel_calls_share_a_failed_refresh():
    barrier = threading.Barrier(6)

    def expired():
        barrier.wait()
        return refuse(401, "token_expired")

    def fail():
        time.sleep(0.3)
        return refuse(500, "internal_error")

    failing = itertools.repeat(fail)
    stand_in = StandIn(me=[expired] * 6, refresh=failing)
    with stand_in.make_client(tokens=OLD) as client, ThreadPoolExecutor(6) as pool:
        calls = [pool.submit(client.read_me) for _ in range(6)]
        assert {call.exception().code for call in calls} == {"internal_error"}
        assert client.tokens == OLD, "another call may try again"
    assert stand_in.count("POST", "/auth/refresh") == 1


def test_sign_out_during_a_refresh_stays_signed_out():
    refreshing, signed_out = threading.Event(), threading.Event()

    def respond():
        refreshing.set()
        signed_out.wait()
        return grant("new")

    stand_in = StandIn(
        me=[refuse(401, "token_expired")],
        refresh=[respond],
        logout=[httpx.Response(204)],
    )
    with stand_in.make_client(tokens=OLD) as client:
        with ThreadPoolExecutor() as pool:
            call = pool.submit(client.read_me)
            refreshing.wait()
            client.sign_out()
            signed_out.set()
            assert call.exception().code == "token_expired"
        assert client.tokens is None


def test_401_of_a_proxy_keeps_the_session():
    page = httpx.Response(401, text="<!doctype html>")
    stand_in = StandIn(me=[refuse(401, "token_expired")], refresh=[page], logout=[page])
    with stand_in.make_client(tokens=OLD) as client:
        for call in (client.read_me, client.sign_out):
            with pytest.raises(RollbookError, match="401 unknown"):
                call()
            assert client.tokens == OLD


def test_post_in_progress_is_awaited_with_the_same_key():
    in_flight = refuse(409, "idempotency_key_in_flight", **{"Retry-After": "0"})
    created = httpx.Response(201, json={"data": {"name": "support"}})
    stand_in = StandIn(roles=[in_flight, created])
    with stand_in.make_client(tokens=OLD) as client:
        assert client.create_role(name="support", permissions=[])["name"] == "support"
    keys = {each.headers["Idempotency-Key"] for each in stand_in.requests}
    assert (len(stand_in.requests), len(keys)) == (2, 1)


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_part_that_makes_another_path_is_refused(part):
    stand_in = StandIn()
    with stand_in.make_client(tokens=OLD) as client:
        for call in (client.end_session, client.read_user, client.delete_user):
            with pytest.raises(ValueError, match="cannot be a part of a path"):
                call(part)
    assert stand_in.requests == []


def test_url_without_scheme_is_refused():
    with pytest.raises(ValueError, match="'localhost:5000' is no URL"):
        Client("localhost:5000")


def test_error_can_be_pickled_and_shows_no_secret():
    stand_in = StandIn(login=[httpx.Response(404, text="no")])
    http = httpx.Client(transport=httpx.MockTransport(stand_in))
    client = Client("http://name:secret@x", http=http)
    with client, pytest.raises(RollbookError) as caught:
        client.sign_in("ada", "nine muddy boots")
    copied = pickle.loads(pickle.dumps(caught.value))
    assert copied.retry_after is None
    assert (str(copied), copied.code) == (str(caught.value), "unknown")
    assert "secret" not in str(copied)
    assert "muddy" not in repr(Request("POST", "/auth/login", json={"password": "muddy"}))
