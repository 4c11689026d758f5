"""Who did what: the record, and the history of one user, over HTTP."""

import pytest
from bson import ObjectId

from rollbook.access.permissions import Permission
from rollbook.access.principal import COMMAND_LINE
from rollbook.roles.schemas import RoleCreate
from tests import people
from tests.conftest import ADA, PASSWORD


@pytest.fixture
def admin(guarded, services, stored):
    return people.person(services, guarded, "admin", role="admin")


@pytest.fixture
def ada(guarded, services, stored):
    return people.person(services, guarded, "ada")


def actions(answer):
    assert answer.status_code == 200, answer.json
    return [entry["action"] for entry in answer.json["data"]]


def test_an_entry_tells_who_did_what_to_whom_when_and_from_where(admin, ada):
    headers = {"X-Request-ID": "request-7", "User-Agent": "a client"}
    admin.patch(f"/api/users/{ada.id}", json={"name": "Countess"}, headers=headers)
    answer = admin.get(f"/api/audit?user={ada.id}&action=user.updated")
    entry = answer.json["data"][0]
    assert entry | {"id": None, "at": None} == {
        **dict.fromkeys(("id", "at")),
        "action": "user.updated",
        "actor": {"type": "user", "id": admin.id},
        "target": {"type": "user", "id": ada.id},
        "version": 2,
        "changes": {"name": {"before": "Ada", "after": "Countess"}},
        "ip": "127.0.0.1",
        "user_agent": "a client",
        "request_id": "request-7",
        "redacted": False,
    }
    assert entry["at"].endswith("Z")
    assert answer.json["pagination"] == {
        **dict.fromkeys(("page", "total_items", "total_pages", "next_cursor")),
        "page_size": 20,
        "has_next": False,
        "has_previous": False,
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("user={ada}&action=user.*", ["user.updated", "user.created"]),
        ("user={ADA}&action=user.updated", ["user.updated"]),
        ("actor={admin}&action=user.*", ["user.updated"]),
        ("actor={ada}&user={ada}", ["auth.login_succeeded"]),
        ("action=role.*", []),
        ("user={ada}&since=2100-01-01T00:00:00Z", []),
        ("user={ada}&action=user.*&until=2100-01-01T00:00:00Z", ["user.updated", "user.created"]),
        ("user=" + "0" * 24, []),
    ],
)
def test_the_record_is_filtered_newest_first(admin, ada, query, expected):
    admin.patch(f"/api/users/{ada.id}", json={"name": "Countess"})
    path = "/api/audit?" + query.format(ada=ada.id, ADA=ada.id.upper(), admin=admin.id)
    assert actions(admin.get(path)) == expected


@pytest.mark.parametrize(
    "query",
    [
        *("page=1", "user=ada@example.com", "user=me", "actor=x", "action=user", "action=*", "action=user.updated*"),
        *("since=0001-01-01T00:00:00%2B14:00", "until=9999-12-31T23:59:59-14:00", "since=2026-11-20T23:59:60Z"),
        *("since=yesterday", "until=1", "sort=at", "page_size=0", "cursor=x", "action[$ne]=x", "q=x"),
    ],
)
def test_what_is_no_filter_of_the_record_is_400(admin, query):
    assert admin.get(f"/api/audit?{query}").status_code == 400


def test_a_cursor_walk_meets_every_entry_once_while_more_are_written(admin, ada):
    for number in range(7):
        admin.patch(f"/api/users/{ada.id}", json={"name": f"Ada {number}"})
    met, path = [], f"/api/audit?user={ada.id}&action=user.updated&page_size=2"
    while path:
        answer = admin.get(path)
        met += [entry["changes"]["name"]["after"] for entry in answer.json["data"]]
        admin.patch(f"/api/users/{ada.id}", json={"name": f"Late {len(met)}"})
        links = dict(reversed(link[1:].split('>; rel="')) for link in answer.headers["Link"].split(", "))
        path = links.get('next"')
    assert met == [f"Ada {number}" for number in reversed(range(7))]


def test_without_audit_read_one_sees_what_one_did_and_what_happened_to_oneself(admin, ada, guarded):
    people.sign_in(guarded, "ada@example.com", "not the password")
    admin.patch(f"/api/users/{ada.id}", json={"name": "Countess"}, headers={"User-Agent": "the admin's"})
    admin.post("/api/users", json=ADA | {"email": "other@example.com"})
    ada.get("/api/users")
    told = ada.get("/api/audit").json["data"]
    assert [entry["action"] for entry in told] == [
        *("access.refused", "user.updated", "auth.login_failed", "auth.login_succeeded", "user.created"),
    ]
    refused, updated, failed, *_ = told
    assert refused["target"] == {"type": "operation", "id": "list_users"}
    assert updated["changes"]["name"]["after"] == "Countess"
    assert [updated[name] for name in ("ip", "user_agent", "request_id")] == [None, None, None]
    assert failed["ip"] == "127.0.0.1"
    assert ada.get(f"/api/audit?user={admin.id}").json["data"] == []
    assert len(admin.get("/api/audit?page_size=100").json["data"]) > len(told)


def test_nobody_reads_the_record_without_signing_in(guarded, stored):
    assert guarded.get("/api/audit").status_code == 401


def test_no_route_alters_an_entry(admin, stored):
    for method in ("post", "put", "patch", "delete"):
        for path in ("/api/audit", f"/api/audit/{ObjectId()}"):
            assert getattr(admin, method)(path).status_code in (404, 405)
    assert not {permission for permission in Permission if permission.startswith("audit:")} - {Permission.AUDIT_READ}


def test_a_refused_access_is_on_record_once_and_what_nobody_knows_is_not(ada, guarded, stored):
    stored.audit.delete_many({})
    ada.delete("/api/users/someone@example.com")
    ada.patch("/api/users/me", json={"role": "admin"})
    ada.get("/api/users?include_deleted=true")
    ada.head("/api/roles")
    guarded.get("/api/users")
    entries = list(stored.audit.find().sort("_id", 1))
    assert [entry["action"] for entry in entries] == ["access.refused"] * 4
    assert [entry["target_id"] for entry in entries] == ["delete_user", "change_user", "list_users", "list_roles"]
    assert {entry["actor_id"] for entry in entries} == {ada.id}
    assert "someone@example.com" not in str(entries)


def test_a_wrong_current_password_is_one_entry_and_not_two(ada, stored):
    stored.audit.delete_many({})
    body = {"email": "new@example.com", "current_password": "not the password"}
    assert ada.patch("/api/users/me", json=body).status_code == 403
    assert [entry["action"] for entry in stored.audit.find()] == ["auth.password_refused"]


def test_a_history_is_every_change_of_one_user_newest_first(admin, ada):
    ada.patch("/api/users/me", json={"phone": "+442079460958"})
    admin.patch(f"/api/users/{ada.id}", json={"name": "Countess", "phone": None})
    ada.patch("/api/users/me", json={"password": "another row of words", "current_password": PASSWORD})
    told = ada.get("/api/users/me/history").json["data"]
    assert [(entry["version"], entry["action"]) for entry in told] == [
        *((4, "user.password_changed"), (3, "user.updated"), (2, "user.updated"), (1, "user.created")),
    ]
    assert told[0]["changes"] == {"password": {"before": None, "after": None}}
    assert told[1]["changes"] == {
        "name": {"before": "Ada", "after": "Countess"},
        "phone": {"before": "+442079460958", "after": None},
    }
    first = admin.get(f"/api/users/{ada.email}/history?page_size=3").json
    rest = admin.get(f"/api/users/{ada.email}/history?cursor={first['pagination']['next_cursor']}").json
    assert [entry["version"] for entry in first["data"] + rest["data"]] == [4, 3, 2, 1]


def test_a_history_outlives_its_user(admin, ada):
    path = f"/api/users/{ada.id}/history"
    admin.delete(f"/api/users/{ada.id}")
    assert actions(admin.get(path)) == ["user.deleted", "user.created"]
    assert actions(admin.get(f"/api/users/{ada.email}/history")) == ["user.deleted", "user.created"]
    admin.delete(f"/api/users/{ada.id}?purge=true")
    assert actions(admin.get(path)) == ["user.purged", "user.deleted", "user.created"]
    assert admin.get(f"/api/users/{ada.email}/history").status_code == 404
    assert admin.get(f"/api/users/{ObjectId()}/history").status_code == 404


def test_anothers_history_is_403_whether_there_is_one_or_not(admin, ada, services):
    services.roles.create_role(RoleCreate(name="reader", permissions=[Permission.USERS_READ]), actor=COMMAND_LINE)
    admin.patch(f"/api/users/{ada.id}", json={"role": "reader"})
    for ref in (admin.id, admin.email, ObjectId(), "nobody"):
        assert ada.get(f"/api/users/{ref}/history").status_code == 403


def test_every_success_that_changes_something_writes_one_entry(admin, ada, guarded, stored):
    """Through everything that changes something over HTTP, with what the record calls it."""
    path = "/api/users/" + admin.post("/api/users", json=ADA | {"email": "b@example.com"}).json["data"]["id"]
    refresh = {"refresh_token": ada.signed_in["refresh_token"]}
    for action, step in [
        ("user.updated", lambda: admin.patch(path, json={"name": "B"})),
        ("user.updated", lambda: admin.put(path, json={"is_active": False})),
        ("user.updated", lambda: admin.patch(path, json={"is_active": True})),
        ("user.password_changed", lambda: admin.patch(path, json={"password": "another row of words"})),
        ("user.deleted", lambda: admin.delete(path)),
        ("user.restored", lambda: admin.post(f"{path}/restore")),
        ("auth.login_failed", lambda: people.sign_in(guarded, "b@example.com", "wrong words entirely")),
        ("auth.login_succeeded", lambda: people.sign_in(guarded, "b@example.com", "another row of words")),
        ("session.all_ended", lambda: admin.delete(f"{path}/sessions")),
        ("session.refreshed", lambda: guarded.post("/api/auth/refresh", json=refresh)),
        ("session.ended", lambda: ada.post("/api/auth/logout")),
        ("role.created", lambda: admin.post("/api/roles", json={"name": "spare", "permissions": []})),
        ("role.updated", lambda: admin.put("/api/roles/spare", json={"description": "New."})),
        ("role.deleted", lambda: admin.delete("/api/roles/spare")),
        ("user.purged", lambda: admin.delete(f"{path}?purge=true")),
    ]:
        before = stored.audit.count_documents({})
        step()
        assert stored.audit.count_documents({}) == before + 1, action
        assert stored.audit.find_one(sort=[("_id", -1)])["action"] == action
