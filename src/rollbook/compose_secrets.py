"""The secrets that the containers of docker-compose.yml share, generated at the first start."""

import secrets
from datetime import datetime
from pathlib import Path

from rollbook.self_signed_certificate import create_certificate, create_key, expires_soon

MONGO_HOST, REDIS_HOST = "mongo:27017", "redis:6379"
USER = "rollbook"
READABLE = 0o444
"""Every container that mounts the volume has users of its own."""


def create_secrets(folder: Path, now: datetime) -> list[str]:
    """Create the missing files in one folder for each container, and return their paths.

    `mongo`: a key file, and the passwords of the administrator and of the API. `redis`: its
    configuration. `prometheus`: the token for /metrics. `api`: that token and the two URIs, as
    settings. `edge`: a key and a certificate for TLS, which is renewed in time. Raises: OSError.
    """
    created: list[str] = []
    _read_or_create(folder / "mongo" / "key", secrets.token_hex(32), created)
    _read_or_create(folder / "mongo" / "root_password", secrets.token_hex(32), created)
    password = _read_or_create(folder / "mongo" / "password", secrets.token_hex(32), created)
    config = f"requirepass {secrets.token_hex(32)}"
    redis = _read_or_create(folder / "redis" / "redis.conf", config, created)
    mongodb_uri = f"mongodb://{USER}:{password}@{MONGO_HOST}/?replicaSet=rs0&authSource=admin"
    _read_or_create(folder / "api" / "mongodb_uri", mongodb_uri, created)
    redis_url = f"redis://:{redis.split()[-1]}@{REDIS_HOST}/0"
    _read_or_create(folder / "api" / "redis_url", redis_url, created)
    token = _read_or_create(folder / "prometheus" / "token", secrets.token_hex(32), created)
    _read_or_create(folder / "api" / "metrics_token", token, created)
    key = _read_or_create(folder / "edge" / "tls.key", create_key(), created)
    certificate = folder / "edge" / "tls.crt"
    if certificate.exists() and expires_soon(certificate.read_text(), now):
        certificate.unlink()
    if not certificate.exists():
        _read_or_create(certificate, create_certificate(key, now), created)
    return created


def _read_or_create(path: Path, new: str, created: list[str]) -> str:
    """Return the content of a file, which is created when it is missing.

    A file is written completely or not at all, and never overwritten: the databases have stored its
    content.
    """
    if not path.exists():
        temporary = path.with_name(f".{path.name}")
        temporary.unlink(missing_ok=True)  # Left by a start that was killed.
        temporary.write_text(new + "\n")
        temporary.chmod(READABLE)
        temporary.replace(path)
        created.append(str(path))
    return path.read_text().strip()
