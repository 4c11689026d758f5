"""What the containers of docker-compose.yml have to know of each other, made at the first start and kept in volumes."""

import secrets
from pathlib import Path

MONGO_HOST, REDIS_HOST = "mongo:27017", "redis:6379"
USER = "rollbook"
READABLE = 0o444
"""By whoever is in a container that mounts the volume: each has users of its own."""


def make(folder: Path) -> list[str]:
    """A folder for each container under `folder`; the names of the files that were not there yet.

    `mongo`: a key file, and passwords of the user that administers and the one that the API is; `redis`: its
    configuration; `api`: the two URIs, which settings are read from. Raises: OSError.
    """
    made: list[str] = []
    _keep(folder / "mongo" / "key", secrets.token_hex(32), made)
    _keep(folder / "mongo" / "root_password", secrets.token_hex(32), made)
    password = _keep(folder / "mongo" / "password", secrets.token_hex(32), made)
    redis = _keep(folder / "redis" / "redis.conf", f"requirepass {secrets.token_hex(32)}", made)
    mongodb_uri = f"mongodb://{USER}:{password}@{MONGO_HOST}/?replicaSet=rs0&authSource=admin"
    _keep(folder / "api" / "mongodb_uri", mongodb_uri, made)
    _keep(folder / "api" / "redis_url", f"redis://:{redis.split()[-1]}@{REDIS_HOST}/0", made)
    return made


def _keep(path: Path, new: str, made: list[str]) -> str:
    """What the file holds; whole or not at all, and never overwritten: the databases know what it was."""
    if not path.exists():
        aside = path.with_name(f".{path.name}")
        aside.unlink(missing_ok=True)  # Of a start that was killed.
        aside.write_text(new + "\n")
        aside.chmod(READABLE)
        aside.replace(path)
        made.append(str(path))
    return path.read_text().strip()
