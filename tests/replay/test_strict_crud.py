"""Strict CRUD: a password needs four character classes."""

import pytest

SETTINGS = {"AUTH_REQUIRED": "false", "PASSWORD_POLICY": "complex"}
USER = {"name": "Strict", "email": "strict@example.com", "password": "Kettle@Drum9"}


def test_password_with_all_classes_is_accepted(http, check):
    created = check(http.post("/api/users", json=USER), 201)
    check(http.delete(f"/api/users/{created['id']}"), 204)


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
def test_password_with_a_missing_class_is_rejected(http, password, missing):
    response = http.post("/api/users", json=USER | {"password": password})
    assert response.status_code == 400
    assert [detail["code"] for detail in response.json()["error"]["details"]] == [missing]
    assert password not in response.text


def test_ping_returns_pong(http, check):
    assert check(http.get("/ping"), 200) == "pong"
