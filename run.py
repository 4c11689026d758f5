"""Start everything: a private MongoDB if none is configured, then the API."""

import os
import signal

from rollbook.embedded.database import private_unless_configured
from rollbook.server import serve
from rollbook.settings import Settings, StartError, load

GREETING = """
rollbook answers at {address}{prefix}     docs: {address}/docs
its data is in {data}

  curl -i {address}{prefix}/users -H 'Content-Type: application/json' \\
       -d '{{"name": "Ada Lovelace", "email": "ada@example.com", "password": "correct horse battery"}}'

Ctrl-C stops it. PORT, HOST and all other settings: .env.example
"""


def greet(settings: Settings, data: str) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{settings.port}"
    print(GREETING.format(address=address, prefix=settings.api_prefix, data=data), flush=True)
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))  # A closed terminal stops it too.


if __name__ == "__main__":
    try:
        with private_unless_configured(load()) as (settings, data):
            serve(settings, on_ready=lambda: greet(settings, data))
    except StartError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
