"""A guarded API of real processes, and everyone in it."""

import subprocess
import sys
from dataclasses import dataclass

import httpx

from tests.conftest import PASSWORD
from tests.harness.serving import OPEN, patiently

ADMIN = {"ADMIN_EMAIL": "root@house.org", "ADMIN_PASSWORD": "an admin of many words"}
GUARDED = ADMIN | {"AUTH_REQUIRED": "true"}


@dataclass
class SignedIn:
    id: str
    email: str
    access_token: str
    refresh_token: str

    @property
    def headers(self):
        return {"Authorization": f"Bearer {self.access_token}"}


def sign_in(http, email=ADMIN["ADMIN_EMAIL"], password=ADMIN["ADMIN_PASSWORD"]):
    answer = patiently(lambda: http.post("/api/auth/login", json={"email": email, "password": password}))
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    return SignedIn(data["user"]["id"], email, data["access_token"], data["refresh_token"])


def register(http, name):
    """A user who has just signed in."""
    body = {"name": name, "email": f"{name}@house.org", "password": PASSWORD}
    created = patiently(lambda: http.post("/api/users", json=body))
    assert created.status_code == 201, created.text
    return sign_in(http, body["email"], PASSWORD)


def client(server, **limits):
    return httpx.Client(base_url=server.url, timeout=30, limits=httpx.Limits(max_connections=220), **limits)


def command(folder, *words, stdin="", **environment):
    """`rollbook …` on the command line."""
    known = OPEN | {"PATH": "/usr/bin:/bin"} | environment
    return subprocess.run(
        [sys.executable, "-m", "rollbook", *words],
        cwd=folder,
        env={name: str(value) for name, value in known.items()},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )
