"""Start a real nginx on loopback, with the configuration of `docker compose --profile edge`."""

import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rollbook.kit import clock
from rollbook.self_signed_certificate import create_certificate, create_key
from tests.harness.serving import ROOT, Server, get_free_port, serving, wait_until

BINARY = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
CONFIGURATION = ROOT / "deploy/nginx/nginx.conf"
WITH_RESOLVE = (1, 27, 3)
"""The first version whose `upstream` resolves names again, and that has `http2 on`."""


@dataclass(frozen=True)
class Edge:
    """A server behind nginx at `url`, whose certificate `trust` accepts."""

    server: Server
    url: str
    trust: ssl.SSLContext


@contextmanager
def serving_behind_nginx(folder: Path, **settings: object) -> Iterator[Edge]:
    with serving(folder, TRUSTED_PROXIES=1, **settings) as server:
        server.await_status("/ready", 200)
        with nginx(folder, server.url) as url:
            yield Edge(server, url, trust_certificate(folder))


def trust_certificate(folder: Path) -> ssl.SSLContext:
    """Trust the certificate that `nginx` has made in `folder`."""
    return ssl.create_default_context(cafile=folder / "tls.crt")


@contextmanager
def nginx(folder: Path, server_url: str) -> Iterator[str]:
    """Yields the URL. `folder` gets the certificate, tls.crt."""
    port, key = get_free_port(), create_key()
    (folder / "tls.key").write_text(key)
    (folder / "tls.crt").write_text(create_certificate(key, clock.now()))
    configuration = folder / "nginx.conf"
    configuration.write_text(_adapt(folder, port, server_url.removeprefix("http://")))
    rights = "user root;" if os.geteuid() == 0 else ""  # Else its workers cannot enter the folder.
    options = f"daemon off; {rights}"
    command = [str(BINARY), "-p", str(folder), "-c", str(configuration), "-g", options]
    with subprocess.Popen(command) as process:
        try:
            wait_until(lambda: _listens(port), seconds=5)
            yield f"https://localhost:{port}"
        finally:
            process.terminate()


def _adapt(folder: Path, port: int, upstream: str) -> str:
    """Use folders and ports of this machine, and the syntax of an older nginx."""
    text = CONFIGURATION.read_text()
    text = text.replace(" /tmp/", f" {folder}/").replace(" /run/tls/", f" {folder}/")
    text = text.replace("api:5000 resolve", upstream)
    text = text.replace("listen 8443 ssl;", f"listen 127.0.0.1:{port} ssl;")
    text = re.sub(r" *resolver .*\n", "", text)
    if _get_version() < WITH_RESOLVE:
        text = text.replace(" ssl;\n        http2 on;", " ssl http2;")
    return text


def _get_version() -> tuple[int, ...]:
    shown = subprocess.run([str(BINARY), "-v"], capture_output=True, text=True, check=True).stderr
    return tuple(map(int, shown.strip().rpartition("/")[2].split(" ")[0].split(".")))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
