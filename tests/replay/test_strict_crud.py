"""Strict CRUD: a password of four character classes."""

import pytest

SETTINGS = {"AUTH_REQUIRED": "false", "PASSWORD_POLICY": "complex"}
USER = {"name": "Strict", "email": "strict@example.com", "password": "Kettle@Drum9"}


def test_a_password_of_all_classes_is_accepted_and_the_user_can_be_deleted(http, ok):
    created = ok(http.post("/api/users", json=USER), 201)
    ok(http.delete(f"/api/users/{created['id']}"), 204)


@pytest.mark.parametrize(
    ("password", "missing"),
    [
        ("kettle@drum9", "needs_upper"),
        ("KETTLE@DRUM9", "needs_lower"),
        ("Kettle@Drums", "needs_digit"),
        ("Passphrase77", "needs_special"),
        ("Pa@1", "too_short"),
    ],
)
def test_each_missing_class_is_refused_with_its_reason(http, password, missing):
    answer = http.post("/api/users", json=USER | {"password": password})
    assert answer.status_code == 400
    assert [detail["code"] for detail in answer.json()["error"]["details"]] == [missing]
    assert password not in answer.text


def test_ping(http, ok):
    assert ok(http.get("/ping"), 200) == "pong"
