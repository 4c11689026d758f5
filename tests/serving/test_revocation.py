"""A revocation takes effect at once on every worker, and holds after a restart and in races."""

import random  # noqa: TID251 - chooses which request comes first
from concurrent.futures import ThreadPoolExecutor

import pytest
from pymongo import MongoClient

from tests.conftest import PASSWORD
from tests.harness.scale import rounds
from tests.harness.serving import retry_while_busy, serving
from tests.serving.guarded import ADMIN, GUARDED, client, register, sign_in

USES = rounds(1000)
"""Requests after a revocation, so that every worker gets some of them."""
DATABASE = "revocation"


@pytest.fixture(scope="module")
def environment(mongod):
    return GUARDED | {
        "MONGODB_URI": mongod.uri,
        "MONGODB_DBNAME": DATABASE,
        "WORKERS": 4,
        "THREADS": 4,
    }


@pytest.fixture(scope="module")
def admin(http):
    return sign_in(http)


def log_out(http, admin, user):
    return http.post("/api/auth/logout", headers=user.headers)


def disable(http, admin, user):
    return http.patch(f"/api/users/{user.id}", json={"is_active": False}, headers=admin.headers)


def delete(http, admin, user):
    return http.delete(f"/api/users/{user.id}", headers=admin.headers)


def reset_password(http, admin, user):
    return http.patch(
        f"/api/users/{user.id}", json={"password": PASSWORD + "!"}, headers=admin.headers
    )


def change_own_password(http, admin, user):
    other = sign_in(http, user.email, PASSWORD)
    body = {"password": PASSWORD + "!", "current_password": PASSWORD}
    response = http.patch("/api/users/me", json=body, headers=other.headers)
    assert http.get("/api/auth/me", headers=other.headers).status_code == 200
    return response


def end_session(http, admin, user):
    other = sign_in(http, user.email, PASSWORD)
    sessions = http.get("/api/auth/sessions", headers=user.headers).json()["data"]
    (current,) = [session["id"] for session in sessions if session["is_current"]]
    return http.delete(f"/api/auth/sessions/{current}", headers=other.headers)


def end_all_sessions(http, admin, user):
    return http.delete(f"/api/users/{user.id}/sessions", headers=admin.headers)


def reuse_refresh_token(http, admin, user):
    use_up(http, user.refresh_token)
    response = http.post("/api/auth/refresh", json={"refresh_token": user.refresh_token})
    assert response.status_code == 401
    return http.get("/ping")


def use_up(http, token):
    """Refresh twice: then `token` is older than the immediate predecessor of the latest."""
    for _ in range(2):
        response = http.post("/api/auth/refresh", json={"refresh_token": token})
        assert response.status_code == 200
        token = response.json()["data"]["refresh_token"]


REVOCATIONS = [
    log_out,
    disable,
    delete,
    reset_password,
    change_own_password,
    end_session,
    end_all_sessions,
    reuse_refresh_token,
]


def list_statuses(http, path, headers, uses):
    """The status of each of `uses` requests."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: http.get(path, headers=headers).status_code, range(uses)))


@pytest.mark.parametrize("revoke", REVOCATIONS)
def test_no_worker_accepts_revoked_token(http, admin, revoke):
    user = register(http, revoke.__name__.replace("_", ""))
    assert set(list_statuses(http, "/api/auth/me", user.headers, 40)) == {200}
    assert revoke(http, admin, user).status_code in (200, 204)
    assert list_statuses(http, "/api/auth/me", user.headers, USES).count(401) == USES
    refreshed = http.post("/api/auth/refresh", json={"refresh_token": user.refresh_token})
    assert refreshed.status_code == 401


def test_lost_role_or_permission_counts_at_next_request(http, admin):
    user = register(http, "promoted")
    path = f"/api/users/{user.id}"
    assert http.patch(path, json={"role": "moderator"}, headers=admin.headers).status_code == 200
    assert set(list_statuses(http, "/api/users", user.headers, 40)) == {200}
    assert http.patch(path, json={"role": "user"}, headers=admin.headers).status_code == 200
    assert list_statuses(http, "/api/users", user.headers, USES).count(403) == USES

    listing = {"name": "listing", "permissions": ["users:list"]}
    assert http.post("/api/roles", json=listing, headers=admin.headers).status_code == 201
    assert http.patch(path, json={"role": "listing"}, headers=admin.headers).status_code == 200
    assert set(list_statuses(http, "/api/users", user.headers, 40)) == {200}
    narrowed = http.put("/api/roles/listing", json={"permissions": []}, headers=admin.headers)
    assert narrowed.status_code == 200
    assert list_statuses(http, "/api/users", user.headers, USES).count(403) == USES


@pytest.mark.long
def test_restart_keeps_revocations_and_valid_sessions(environment, tmp_path, http, admin):
    ended, living = register(http, "ended"), register(http, "living")
    assert http.post("/api/auth/logout", headers=ended.headers).status_code == 204
    used = living.refresh_token
    use_up(http, used)
    with serving(tmp_path, **environment) as another, client(another) as again:
        another.await_status("/ready", 200)
        assert list_statuses(again, "/api/auth/me", ended.headers, USES).count(401) == USES
        assert list_statuses(again, "/api/auth/me", living.headers, 40).count(200) == 40
        assert again.post("/api/auth/refresh", json={"refresh_token": used}).status_code == 401
        assert list_statuses(again, "/api/auth/me", living.headers, 40).count(401) == 40
    assert list_statuses(http, "/api/auth/me", living.headers, 40).count(401) == 40


@pytest.mark.long
def test_parallel_refreshes_get_one_successor(http):
    """As by tabs of a browser that share a refresh token. Nobody is signed out."""
    user = register(http, "refreshing")
    with ThreadPoolExecutor(20) as pool:
        for _ in range(rounds(100)):
            signed_in = sign_in(http, user.email, PASSWORD)
            body = {"refresh_token": signed_in.refresh_token}
            responses = list(
                pool.map(lambda _, b=body: http.post("/api/auth/refresh", json=b), range(20))
            )
            assert [each.status_code for each in responses] == [200] * 20
            issued = [each.json()["data"] for each in responses]
            (successor,) = {each["refresh_token"] for each in issued}
            for each in issued:
                headers = {"Authorization": f"Bearer {each['access_token']}"}
                assert http.get("/api/auth/me", headers=headers).status_code == 200
            again = http.post("/api/auth/refresh", json={"refresh_token": successor})
            assert again.status_code == 200


def test_sign_ins_racing_disable_leave_no_session(http, admin, mongod):
    with MongoClient(mongod.uri) as mongo, ThreadPoolExecutor(9) as pool:
        for number in range(rounds(20)):
            user = register(http, f"racing{number}")
            body = {"email": user.email, "password": PASSWORD}
            disables_at = random.randrange(8)

            def sign_in_or_disable(position, user=user, body=body, disables_at=disables_at):
                if position == disables_at:
                    return retry_while_busy(lambda: disable(http, admin, user)).status_code
                return http.post("/api/auth/login", json=body).status_code

            outcomes = list(pool.map(sign_in_or_disable, range(9)))
            assert set(outcomes) <= {200, 401, 503}
            assert outcomes[disables_at] == 200
            id_ = mongo[DATABASE].users.find_one({"email": user.email})["_id"]
            assert mongo[DATABASE].sessions.count_documents({"user_id": id_}) == 0


def test_admins_demoting_each_other_leave_one_admin(http, admin, mongod):
    users = MongoClient(mongod.uri)[DATABASE].users
    with ThreadPoolExecutor(2) as pool:
        for number in range(rounds(20)):
            pair = [register(http, f"{side}admin{number}") for side in ("left", "right")]
            for each in pair:
                http.patch(f"/api/users/{each.id}", json={"role": "admin"}, headers=admin.headers)
            users.update_one({"email": ADMIN["ADMIN_EMAIL"]}, {"$set": {"role": "user"}})

            def demote(user, by):
                return http.patch(
                    f"/api/users/{user.id}", json={"role": "user"}, headers=by.headers
                ).status_code

            outcomes = list(pool.map(demote, pair, reversed(pair)))
            assert users.count_documents({"role": "admin", "is_active": True}) == 1, outcomes
            assert 200 in outcomes
            users.update_many({"role": "admin"}, {"$set": {"role": "user"}})
            users.update_one({"email": ADMIN["ADMIN_EMAIL"]}, {"$set": {"role": "admin"}})
    users.database.client.close()
