"""Open CRUD: no sign-in at all, as behind a gateway."""

from concurrent.futures import ThreadPoolExecutor

SETTINGS = {"AUTH_REQUIRED": "false", "RATELIMIT_ENABLED": "true"}
EXAMPLE = {"name": "Example", "email": "a@example.com", "password": "long enough 1"}


def test_create_list_read_change_and_delete(http, ok):
    created = ok(http.post("/api/users", json=EXAMPLE), 201)
    assert (created["name"], created["email"]) == ("Example", "a@example.com")
    path = f"/api/users/{created['id']}"
    assert [user["id"] for user in ok(http.get("/api/users"), 200)] == [created["id"]]
    assert ok(http.get(path), 200) == created
    changed = ok(http.put(path, json={"name": "Example Two"}), 200)
    differing = {field for field in created if created[field] != changed[field]}
    assert differing == {"name", "updated_at", "version"}
    ok(http.delete(path), 204)
    assert http.get(path).status_code == 404


def test_what_is_wrong_is_refused_with_a_clear_error(http, ok):
    ok(http.post("/api/users", json=EXAMPLE), 201)
    for wrong, status, field, code in (
        ({"name": "x" * 31}, 400, "name", "too_long"),
        ({"email": "not an address"}, 400, "email", "bad_email"),
        ({"password": "seven 7"}, 400, "password", "too_short"),
        ({}, 409, "email", "taken"),
    ):
        answer = http.post("/api/users", json=EXAMPLE | wrong)
        assert answer.status_code == status, answer.text
        (detail,) = answer.json()["error"]["details"]
        assert (detail["field"], detail["code"]) == (field, code)
        assert answer.json()["data"] is None


def test_more_than_30_requests_in_a_second_are_429(http):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: http.get("/api/password-policy"), range(60)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].json()["error"]["code"] == "too_many_requests"
    assert refused[0].headers["Retry-After"] == "1"
    assert refused[0].headers["RateLimit-Policy"] == '"default";q=30;w=1'
    assert refused[0].headers["X-RateLimit-Limit"] == "30"
    assert all("Retry-After" not in answer.headers for answer in answers if answer.status_code == 200)
    assert http.get("/health").status_code == 200
