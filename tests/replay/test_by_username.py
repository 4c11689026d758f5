"""By username: register, sign in, use the token, and write a log file."""

from tests.serving.guarded import GUARDED, sign_in

SETTINGS = GUARDED | {"LOG_FILE": "rollbook.log"}
USER = {
    "username": "grace",
    "email": "grace@example.com",
    "password": "nanoseconds of wire",
}


def test_user_can_register_and_sign_in_by_username(http, check):
    assert check(http.post("/api/users", json=USER), 201)["name"] == "grace"
    signed_in = check(
        http.post("/api/auth/login", json={"username": "grace", "password": USER["password"]}), 200
    )
    own = {"Authorization": f"Bearer {signed_in['access_token']}"}
    assert check(http.get("/api/users/grace", headers=own), 200)["username"] == "grace"
    assert (
        check(http.put("/api/users/grace", json={"username": "hopper"}, headers=own), 200)[
            "username"
        ]
        == "hopper"
    )
    for response in (
        http.get("/api/users"),
        http.get("/api/users/hopper"),
        http.put("/api/users/hopper", json={"name": "X"}),
        http.delete("/api/users/hopper"),
    ):
        assert response.status_code == 401
    assert http.get("/api/users", headers=own).status_code == 403
    admin = sign_in(http).headers
    assert len(check(http.get("/api/users", headers=admin), 200)) == 2
    check(http.delete("/api/users/hopper", headers=own), 204)


def test_log_file_has_requests_and_errors_but_no_secret(http, running_server):
    again = USER | {"email": "again@example.com"}
    assert http.post("/api/users", json=again).status_code == 201
    wrong = {"username": "grace", "password": "a guess that is wrong"}
    request_id = {"X-Request-ID": "the-failed-one"}
    assert http.post("/api/auth/login", json=wrong, headers=request_id).status_code == 401
    assert http.post(
        "/api/users",
        content=b'{"password": "half a body',
        headers={"Content-Type": "application/json"},
    )
    log = (running_server.log.parent / "rollbook.log").read_text()
    assert "the-failed-one POST /api/auth/login 401" in log
    assert "POST /api/users 201" in log
    assert "POST /api/users 400" in log
    for secret in (
        USER["password"],
        wrong["password"],
        "half a body",
        "grace@example.com",
        "Bearer",
        "eyJ",
    ):
        assert secret not in log
