"""By e-mail: an e-mail address identifies the user, and a token covers only that user."""

from tests.conftest import PASSWORD
from tests.serving.guarded import GUARDED

SETTINGS = GUARDED


def test_email_sign_in_gives_access_only_to_own_account(http, check):
    for name in ("mine", "theirs"):
        check(
            http.post(
                "/api/users",
                json={"name": name, "email": f"{name}@example.com", "password": PASSWORD},
            ),
            201,
        )
    token = check(
        http.post("/api/auth/login", json={"email": "Mine@Example.com", "password": PASSWORD}), 200
    )["access_token"]
    mine = {"Authorization": f"Bearer {token}"}
    assert check(http.get("/api/users/mine@example.com", headers=mine), 200)["name"] == "mine"
    assert (
        check(http.put("/api/users/mine@example.com", json={"name": "Me"}, headers=mine), 200)[
            "name"
        ]
        == "Me"
    )
    for other in ("theirs@example.com", "nobody@example.com", "no address@", "0" * 24):
        for response in (
            http.get(f"/api/users/{other}", headers=mine),
            http.put(f"/api/users/{other}", json={"name": "Hijacked"}, headers=mine),
            http.delete(f"/api/users/{other}", headers=mine),
        ):
            assert (response.status_code, response.json()["error"]["code"]) == (403, "forbidden")
    assert http.get("/api/users/mine@example.com").status_code == 401
    check(http.delete("/api/users/mine@example.com", headers=mine), 204)
    assert http.get("/api/users/mine@example.com", headers=mine).status_code == 401
    assert (
        http.post(
            "/api/auth/login", json={"email": "mine@example.com", "password": PASSWORD}
        ).status_code
        == 401
    )
