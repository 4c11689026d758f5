"""By username: register, sign in by username, all else by token; and a log file."""

from tests.serving.guarded import GUARDED, sign_in

SETTINGS = GUARDED | {"LOG_FILE": "rollbook.log"}
USER = {"username": "grace", "email": "grace@example.com", "password": "nanoseconds of wire", "name": "Grace"}


def test_register_sign_in_and_manage_by_username(http, ok):
    ok(http.post("/api/users", json=USER), 201)
    signed_in = ok(http.post("/api/auth/login", json={"username": "grace", "password": USER["password"]}), 200)
    own = {"Authorization": f"Bearer {signed_in['access_token']}"}
    assert ok(http.get("/api/users/grace", headers=own), 200)["username"] == "grace"
    assert ok(http.put("/api/users/grace", json={"username": "hopper"}, headers=own), 200)["username"] == "hopper"
    for answer in (
        http.get("/api/users"),
        http.get("/api/users/hopper"),
        http.put("/api/users/hopper", json={"name": "X"}),
        http.delete("/api/users/hopper"),
    ):
        assert answer.status_code == 401
    assert http.get("/api/users", headers=own).status_code == 403
    admin = sign_in(http).headers
    assert len(ok(http.get("/api/users", headers=admin), 200)) == 2
    ok(http.delete("/api/users/hopper", headers=own), 204)


def test_the_log_file_records_requests_and_errors_and_never_a_password(http, served):
    again = USER | {"email": "again@example.com"}
    assert http.post("/api/users", json=again).status_code == 201
    wrong = {"username": "grace", "password": "a guess that is wrong"}
    request_id = {"X-Request-ID": "the-failed-one"}
    assert http.post("/api/auth/login", json=wrong, headers=request_id).status_code == 401
    assert http.post("/api/users", content=b'{"password": "half a body', headers={"Content-Type": "application/json"})
    log = (served.log.parent / "rollbook.log").read_text()
    assert "the-failed-one POST /api/auth/login 401" in log
    assert "POST /api/users 201" in log
    assert "POST /api/users 400" in log
    for secret in (USER["password"], wrong["password"], "half a body", "grace@example.com", "Bearer", "eyJ"):
        assert secret not in log
