"""Reads and changes of a user, and what is said of them."""

from tests import people

LIMITED = {"auth_required": True, "ratelimit_enabled": True}


def test_reads_and_changes_of_a_user_are_counted_apart_and_for_each_user(services, make_app, stored):
    client = make_app(ratelimit_read="3/hour", ratelimit_write="2/hour", **LIMITED).test_client()
    ada, bob = (people.person(services, client, name) for name in ("ada", "bob"))
    reads = [ada.get("/api/users/me") for _ in range(4)]
    assert [answer.status_code for answer in reads] == [200, 200, 200, 429]
    assert '"read";q=3;w=3600' in reads[0].headers["RateLimit-Policy"]
    assert '"read";r=2;t=' in reads[0].headers["RateLimit"]
    assert "Retry-After" not in reads[0].headers
    assert 3590 < int(reads[3].headers["Retry-After"]) <= 3600
    writes = [ada.patch("/api/users/me", json={"name": f"Ada {n}"}).status_code for n in range(3)]
    assert writes == [200, 200, 429]
    assert bob.get("/api/users/me").status_code == 200


def test_a_request_that_is_refused_for_its_token_is_still_counted_for_its_address(make_app, stored):
    client = make_app(ratelimit_default="3/hour", **LIMITED).test_client()
    forged = {"Authorization": "Bearer a.b.c"}
    statuses = [client.get("/api/users/me", headers=forged).status_code for _ in range(5)]
    assert statuses == [401, 401, 401, 429, 429]


def test_several_limits_in_one_setting_all_hold(make_app, stored):
    client = make_app(ratelimit_default="100/second;3/hour", **LIMITED).test_client()
    answers = [client.get("/api/password-policy") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"default-1";q=100;w=1, "default-3600";q=3;w=3600'


def test_off_is_off(make_app, stored):
    client = make_app(auth_required=True, ratelimit_default="1/hour").test_client()
    answers = [client.get("/api/password-policy") for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit" not in answers[0].headers


def test_health_is_never_limited_and_all_else_is(make_app, stored):
    client = make_app(ratelimit_default="1/hour", **LIMITED).test_client()
    for path in ("/health", "/ping"):
        assert {client.get(path).status_code for _ in range(5)} == {200}
    assert client.get("/ready").status_code == 200
    for path in ("/ready", "/docs/", "/docs/swagger-ui.css", "/openapi.json", "/.well-known/jwks.json"):
        assert client.get(path).status_code == 429, path


def test_addresses_that_are_not_there_and_methods_that_are_not_taken_count_too(make_app, stored):
    client = make_app(ratelimit_default="3/hour", **LIMITED).test_client()
    forged = {"Authorization": "Bearer a.b.c"}
    asked = [client.get("/api/nothing"), client.put("/api/auth/login"), client.get("/nowhere", headers=forged)]
    assert [answer.status_code for answer in asked] == [404, 405, 404]
    assert client.get("/api/nothing").status_code == 429
