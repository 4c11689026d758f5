"""Sign in, register and run commands on a server that requires authentication."""

import subprocess
import sys
from dataclasses import dataclass

import httpx

from tests.conftest import PASSWORD
from tests.harness.serving import OPEN, get_base_environment, retry_while_busy

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
    credentials = {"email": email, "password": password}
    response = retry_while_busy(lambda: http.post("/api/auth/login", json=credentials))
    assert response.status_code == 200, response.text
    data = response.json()["data"]
    return SignedIn(data["user"]["id"], email, data["access_token"], data["refresh_token"])


def register(http, name):
    """Create a user and sign in as that user."""
    body = {"name": name, "email": f"{name}@house.org", "password": PASSWORD}
    created = retry_while_busy(lambda: http.post("/api/users", json=body))
    assert created.status_code == 201, created.text
    return sign_in(http, body["email"], PASSWORD)


def client(server, **options):
    limits = httpx.Limits(max_connections=220)
    return httpx.Client(base_url=server.url, timeout=30, limits=limits, **options)


def run_command(folder, *arguments, stdin="", **environment):
    """Run `rollbook` on the command line."""
    settings = get_base_environment() | OPEN | {"PATH": "/usr/bin:/bin"} | environment
    return subprocess.run(
        [sys.executable, "-m", "rollbook", *arguments],
        cwd=folder,
        env={name: str(value) for name, value in settings.items()},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )
