"""Start everything: a private MongoDB if none is configured, then the API."""

from rollbook.embedded.database import private_unless_configured
from rollbook.server import serve
from rollbook.settings import Settings, StartError, load

GREETING = """
rollbook answers at {address}{prefix}     docs: {address}/docs     data: {data}

  curl -i {address}{prefix}/users -H 'Content-Type: application/json' \\
       -d '{{"name": "Ada Lovelace", "email": "ada@example.com", "password": "correct horse battery"}}'

Ctrl-C stops it.
"""


def greeting(settings: Settings, data: str) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return GREETING.format(address=f"http://{host}:{settings.port}", prefix=settings.api_prefix, data=data)


if __name__ == "__main__":
    try:
        with private_unless_configured(load()) as (settings, data):
            serve(settings, on_ready=lambda: print(greeting(settings, data), flush=True))
    except StartError as error:
        raise SystemExit(str(error)) from None
