"""Requests about invitations."""

from tests.conftest import PASSWORD

ADDRESS = "ada@example.com"


def invite(person, **fields):
    return person.post("/api/invitations", json={"email": ADDRESS, **fields})


def accept(api, token, **fields):
    body = {"token": token, "password": PASSWORD, **fields}
    return api.post("/api/auth/invitation/accept", json=body)


def show(api, token):
    return api.get("/api/auth/invitation", query_string={"token": token})
