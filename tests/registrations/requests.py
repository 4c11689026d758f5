"""Requests about registrations."""

from tests.conftest import PASSWORD

ADA = {"email": "ada@example.com", "password": PASSWORD, "username": "ada", "locale": "de"}
PROBE = "a password of the prober"


def register(api, headers=None, **changes):
    return api.post("/api/users", json=ADA | changes, headers=headers)


def verify(api, token):
    return api.post("/api/auth/verification/confirm", json={"token": token})
