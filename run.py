"""Start everything: a private MongoDB if none is configured, then the API."""

import os
import signal

from rollbook.embedded.database import private_unless_configured
from rollbook.secret_files import with_secrets
from rollbook.server import serve
from rollbook.services import opened
from rollbook.settings import Settings, StartError, load
from rollbook.users.first_admin import EMAIL

GREETING = """
rollbook answers at {address}{prefix}     docs: {address}/docs
its data is {data}
"""
GOODBYE = """
Ctrl-C stops it. PORT, HOST and all other settings: .env.example
"""
CREATE = """
  curl -i {address}{prefix}/users {token}-H 'Content-Type: application/json' \\
       -d '{{"name": "Ada Lovelace", "email": "ada@example.com", "password": "correct horse battery"}}'
"""
MADE_UP = """
The first admin, made up just now and shown this once: {email}, password {password}

  TOKEN=$(curl -s {address}{prefix}/auth/login -H 'Content-Type: application/json' \\
       -d '{{"email": "{email}", "password": "{password}"}}' | cut -d'"' -f6)
"""
SIGN_IN = "sign in at {address}{prefix}/auth/login   forgotten: .venv/bin/rollbook users set-password EMAIL\n"


def made_up_password(settings: Settings) -> str | None:
    """Of the first admin, where this start had to make one up: on the private database, with nobody else in charge."""
    with opened(settings) as services:
        services.require_keys()
        return services.first_admin.make_up(settings.limits) if settings.auth_required else None


def greet(settings: Settings, data: str, password: str | None) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    token = '-H "Authorization: Bearer $TOKEN" ' if password else ""
    texts = MADE_UP + CREATE if password else SIGN_IN if settings.auth_required else CREATE
    print(
        (GREETING + texts + GOODBYE).format(
            address=f"http://{host}:{settings.port}",
            prefix=settings.api_prefix,
            data=data,
            email=EMAIL,
            password=password,
            token=token,
        ),
        flush=True,
    )
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))  # A closed terminal stops it too.


def main(given: Settings) -> None:
    with private_unless_configured(given) as (found, data):
        settings, made = with_secrets(found)
        print(*made, sep="\n", end="\n" if made else "", flush=True)
        password = made_up_password(settings) if given.mongodb_uri is None else None
        serve(settings, on_ready=lambda: greet(settings, data, password))


if __name__ == "__main__":
    try:
        main(load())
    except StartError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
