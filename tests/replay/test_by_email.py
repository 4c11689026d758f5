"""By e-mail: users are addressed by their e-mail, and a token opens only one's own record."""

from tests.conftest import PASSWORD
from tests.serving.guarded import GUARDED

SETTINGS = GUARDED


def test_the_token_of_an_email_login_opens_ones_own_record_and_no_other(http, ok):
    for name in ("mine", "theirs"):
        ok(http.post("/api/users", json={"name": name, "email": f"{name}@example.com", "password": PASSWORD}), 201)
    token = ok(http.post("/api/auth/login", json={"email": "Mine@Example.com", "password": PASSWORD}), 200)[
        "access_token"
    ]
    mine = {"Authorization": f"Bearer {token}"}
    assert ok(http.get("/api/users/mine@example.com", headers=mine), 200)["name"] == "mine"
    assert ok(http.put("/api/users/mine@example.com", json={"name": "Me"}, headers=mine), 200)["name"] == "Me"
    for other in ("theirs@example.com", "nobody@example.com", "no address@", "0" * 24):
        for answer in (
            http.get(f"/api/users/{other}", headers=mine),
            http.put(f"/api/users/{other}", json={"name": "Hijacked"}, headers=mine),
            http.delete(f"/api/users/{other}", headers=mine),
        ):
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert http.get("/api/users/mine@example.com").status_code == 401
    ok(http.delete("/api/users/mine@example.com", headers=mine), 204)
    assert http.get("/api/users/mine@example.com", headers=mine).status_code == 401
    assert http.post("/api/auth/login", json={"email": "mine@example.com", "password": PASSWORD}).status_code == 401
