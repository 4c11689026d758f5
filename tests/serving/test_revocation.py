"""What ends a session ends it at once: on every worker, after a restart, and when two do it at one instant."""

import random  # noqa: TID251 - which of two requests goes first is a matter of chance
from concurrent.futures import ThreadPoolExecutor

import pytest
from pymongo import MongoClient

from tests.conftest import PASSWORD
from tests.harness.scale import rounds
from tests.harness.serving import patiently, serving
from tests.serving.guarded import ADMIN, GUARDED, client, register, sign_in

USES = rounds(1000)
DATABASE = "revocation"


@pytest.fixture(scope="module")
def environment(mongod):
    return GUARDED | {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": DATABASE, "WORKERS": 4, "THREADS": 4}


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
    return http.patch(f"/api/users/{user.id}", json={"password": PASSWORD + "!"}, headers=admin.headers)


def change_own_password(http, admin, user):
    other = sign_in(http, user.email, PASSWORD)
    body = {"password": PASSWORD + "!", "current_password": PASSWORD}
    answer = http.patch("/api/users/me", json=body, headers=other.headers)
    assert http.get("/api/auth/me", headers=other.headers).status_code == 200
    return answer


def end_session(http, admin, user):
    other = sign_in(http, user.email, PASSWORD)
    sessions = http.get("/api/auth/sessions", headers=user.headers).json()["data"]
    (mine,) = [session["id"] for session in sessions if session["is_current"]]
    return http.delete(f"/api/auth/sessions/{mine}", headers=other.headers)


def end_all_sessions(http, admin, user):
    return http.delete(f"/api/users/{user.id}/sessions", headers=admin.headers)


def reuse_a_refresh_token(http, admin, user):
    for _ in range(2):
        answer = http.post("/api/auth/refresh", json={"refresh_token": user.refresh_token})
    assert answer.status_code == 401
    return http.get("/ping")


REVOCATIONS = [
    log_out,
    disable,
    delete,
    reset_password,
    change_own_password,
    end_session,
    end_all_sessions,
    reuse_a_refresh_token,
]


def statuses(http, path, headers, uses):
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: http.get(path, headers=headers).status_code, range(uses)))


@pytest.mark.parametrize("revoke", REVOCATIONS)
def test_a_revoked_token_is_accepted_by_no_worker_ever_again(http, admin, revoke):
    user = register(http, revoke.__name__.replace("_", ""))
    assert set(statuses(http, "/api/auth/me", user.headers, 40)) == {200}
    assert revoke(http, admin, user).status_code in (200, 204)
    assert statuses(http, "/api/auth/me", user.headers, USES).count(401) == USES
    assert http.post("/api/auth/refresh", json={"refresh_token": user.refresh_token}).status_code == 401


def test_a_role_that_was_taken_away_is_gone_at_the_next_request_and_so_is_what_a_role_allowed(http, admin):
    user = register(http, "promoted")
    path = f"/api/users/{user.id}"
    assert http.patch(path, json={"role": "moderator"}, headers=admin.headers).status_code == 200
    assert set(statuses(http, "/api/users", user.headers, 40)) == {200}
    assert http.patch(path, json={"role": "user"}, headers=admin.headers).status_code == 200
    assert statuses(http, "/api/users", user.headers, USES).count(403) == USES

    listing = {"name": "listing", "permissions": ["users:list"]}
    assert http.post("/api/roles", json=listing, headers=admin.headers).status_code == 201
    assert http.patch(path, json={"role": "listing"}, headers=admin.headers).status_code == 200
    assert set(statuses(http, "/api/users", user.headers, 40)) == {200}
    assert http.put("/api/roles/listing", json={"permissions": []}, headers=admin.headers).status_code == 200
    assert statuses(http, "/api/users", user.headers, USES).count(403) == USES


def test_what_was_revoked_stays_so_after_a_restart_and_what_was_not_lives_on(environment, tmp_path, http, admin):
    ended, living = register(http, "ended"), register(http, "living")
    assert http.post("/api/auth/logout", headers=ended.headers).status_code == 204
    used = living.refresh_token
    assert http.post("/api/auth/refresh", json={"refresh_token": used}).status_code == 200
    with serving(tmp_path, **environment) as another, client(another) as again:
        another.await_status("/ready", 200)
        assert statuses(again, "/api/auth/me", ended.headers, USES).count(401) == USES
        assert statuses(again, "/api/auth/me", living.headers, 40).count(200) == 40
        assert again.post("/api/auth/refresh", json={"refresh_token": used}).status_code == 401
        assert statuses(again, "/api/auth/me", living.headers, 40).count(401) == 40
    assert statuses(http, "/api/auth/me", living.headers, 40).count(401) == 40


def test_of_20_parallel_refreshes_one_wins_and_the_family_dies(http):
    user = register(http, "refreshing")
    with ThreadPoolExecutor(20) as pool:
        for _ in range(rounds(100)):
            signed_in = sign_in(http, user.email, PASSWORD)
            body = {"refresh_token": signed_in.refresh_token}
            answers = list(pool.map(lambda _, b=body: http.post("/api/auth/refresh", json=b), range(20)))
            assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19
            (winner,) = [answer.json()["data"] for answer in answers if answer.status_code == 200]
            newest = {"Authorization": f"Bearer {winner['access_token']}"}
            assert http.get("/api/auth/me", headers=newest).status_code == 401
            again = http.post("/api/auth/refresh", json={"refresh_token": winner["refresh_token"]})
            assert again.status_code == 401


def test_a_sign_in_racing_a_disable_leaves_no_session(http, admin, mongod):
    with MongoClient(mongod.uri) as mongo, ThreadPoolExecutor(9) as pool:
        for number in range(rounds(20)):
            user = register(http, f"racing{number}")
            body = {"email": user.email, "password": PASSWORD}
            when = random.randrange(8)

            def one(position, user=user, body=body, when=when):
                if position == when:
                    return patiently(lambda: disable(http, admin, user)).status_code
                return http.post("/api/auth/login", json=body).status_code

            outcomes = list(pool.map(one, range(9)))
            assert set(outcomes) <= {200, 401, 503}
            assert outcomes[when] == 200
            id_ = mongo[DATABASE].users.find_one({"email": user.email})["_id"]
            assert mongo[DATABASE].sessions.count_documents({"user_id": id_}) == 0


def test_of_two_admins_who_demote_each_other_at_one_instant_one_remains(http, admin, mongod):
    users = MongoClient(mongod.uri)[DATABASE].users
    with ThreadPoolExecutor(2) as pool:
        for number in range(rounds(20)):
            pair = [register(http, f"{side}admin{number}") for side in ("left", "right")]
            for each in pair:
                http.patch(f"/api/users/{each.id}", json={"role": "admin"}, headers=admin.headers)
            users.update_one({"email": ADMIN["ADMIN_EMAIL"]}, {"$set": {"role": "user"}})

            def demote(of, by):
                return http.patch(f"/api/users/{of.id}", json={"role": "user"}, headers=by.headers).status_code

            outcomes = list(pool.map(demote, pair, reversed(pair)))
            assert users.count_documents({"role": "admin", "is_active": True}) == 1, outcomes
            assert 200 in outcomes
            users.update_many({"role": "admin"}, {"$set": {"role": "user"}})
            users.update_one({"email": ADMIN["ADMIN_EMAIL"]}, {"$set": {"role": "admin"}})
    users.database.client.close()
