"""Start everything: a private MongoDB unless MONGODB_URI is set, then the API.

It needs the packages in requirements.txt only: rollbook itself is found in `src/`.
"""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from rollbook.embedded.database import start_private_database
from rollbook.first_admin.service import EMAIL
from rollbook.secret_files import load_or_create_secrets
from rollbook.server import serve
from rollbook.services import open_services
from rollbook.settings import Settings, StartError
from rollbook.settings_loader import load_settings

CLONE = Path(__file__).resolve().parent
GREETING = """
{name} answers at {address}{prefix}     docs: {address}/docs
its data is {data}
"""
GOODBYE = """
Ctrl-C stops it. PORT, HOST and all other settings: .env.example
"""
CREATE = """
  curl -i {address}{prefix}/users {token}-H 'Content-Type: application/json' \\
       -d '{{"name": "Ada Lovelace", "email": "ada@example.com", "password": "correct horse battery"}}'
"""  # noqa: E501 - one line of a shell
FIRST_ADMIN = """
The first admin, created just now and shown this once: {email}, password {password}

  TOKEN=$(curl -s {address}{prefix}/auth/login -H 'Content-Type: application/json' \\
       -d '{{"email": "{email}", "password": "{password}"}}' | cut -d'"' -f6)
"""
SIGN_IN = """sign in at {address}{prefix}/auth/login
forgotten the password? {command} users set-password EMAIL
"""


def create_first_admin(settings: Settings) -> str | None:
    """Create the first admin on the private database, and return the password.

    None when this start did not create the admin.
    """
    with open_services(settings) as services:
        services.require_keys()
        if not settings.auth_required:
            return None
        return services.first_admin.create_default(settings.length_limits)


def print_greeting(settings: Settings, data: str, password: str | None) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    text = SIGN_IN if settings.auth_required else CREATE
    if password:
        text = FIRST_ADMIN + CREATE
    greeting = (GREETING + text + GOODBYE).format(
        address=f"http://{host}:{settings.port}",
        prefix=settings.api_prefix,
        name=settings.app_name,
        data=data,
        email=EMAIL,
        password=password,
        token='-H "Authorization: Bearer $TOKEN" ' if password else "",
        command=find_command(settings),
    )
    print(greeting, flush=True)
    # A closed terminal stops it too.
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))


def find_command(settings: Settings) -> str:
    """Return how to call the `rollbook` command here, installed or not, on the same data."""
    folder = settings.data_dir.resolve()
    is_default = folder == CLONE / ".data"
    option = "" if is_default else f" --data-dir {os.path.relpath(folder)}"
    installed = Path(sys.executable).with_name("rollbook")
    if installed.exists():
        return os.path.relpath(installed) + option
    source = os.path.relpath(CLONE / "src")
    return f"PYTHONPATH={source} {os.path.relpath(sys.executable)} -m rollbook{option}"


def main(given: Settings) -> None:
    with start_private_database(given) as (found, data):
        settings, messages = load_or_create_secrets(found)
        print(*messages, sep="\n", end="\n" if messages else "", flush=True)
        password = create_first_admin(settings) if given.mongodb_uri is None else None
        serve(settings, on_ready=lambda: print_greeting(settings, data, password))


if __name__ == "__main__":
    try:
        main(load_settings())
    except StartError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
