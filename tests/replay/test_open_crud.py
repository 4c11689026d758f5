"""Open CRUD: no sign-in, as behind a gateway, and passwords of which only the length counts."""

from concurrent.futures import ThreadPoolExecutor

SETTINGS = {"AUTH_REQUIRED": "false", "RATELIMIT_ENABLED": "true", "PASSWORD_POLICY": "basic"}
EXAMPLE = {"name": "Example", "email": "a@example.com", "password": "password123"}


def test_user_can_be_created_read_changed_and_deleted(http, check):
    created = check(http.post("/api/users", json=EXAMPLE), 201)
    assert (created["name"], created["email"]) == ("Example", "a@example.com")
    path = f"/api/users/{created['id']}"
    assert [user["id"] for user in check(http.get("/api/users"), 200)] == [created["id"]]
    assert check(http.get(path), 200) == created
    changed = check(http.put(path, json={"name": "Example Two"}), 200)
    differing = {field for field in created if created[field] != changed[field]}
    assert differing == {"name", "updated_at", "version"}
    check(http.delete(path), 204)
    assert http.get(path).status_code == 404


def test_invalid_user_is_rejected_with_a_clear_error(http, check):
    check(http.post("/api/users", json=EXAMPLE), 201)
    for wrong, status, field, code in (
        ({"name": "x" * 31}, 400, "name", "too_long"),
        ({"email": "not an address"}, 400, "email", "bad_email"),
        ({"password": "seven 7"}, 400, "password", "too_short"),
        ({}, 409, "email", "taken"),
    ):
        response = http.post("/api/users", json=EXAMPLE | wrong)
        assert response.status_code == status, response.text
        (detail,) = response.json()["error"]["details"]
        assert (detail["field"], detail["code"]) == (field, code)
        assert response.json()["data"] is None


def test_more_than_30_requests_per_second_return_429(http):
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda _: http.get("/api/password-policy"), range(60)))
    refused = [response for response in responses if response.status_code == 429]
    assert refused
    assert refused[0].json()["error"]["code"] == "too_many_requests"
    assert refused[0].headers["Retry-After"] == "1"
    assert refused[0].headers["RateLimit-Policy"] == '"default";q=30;w=1'
    assert refused[0].headers["X-RateLimit-Limit"] == "30"
    assert all(
        "Retry-After" not in response.headers
        for response in responses
        if response.status_code == 200
    )
    assert http.get("/health").status_code == 200
