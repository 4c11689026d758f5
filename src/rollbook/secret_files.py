"""Secrets that nobody gave: made at the first start, and kept where only we may read."""

import os
import secrets
import tempfile
from pathlib import Path

from dotenv import dotenv_values
from pydantic import SecretStr

from rollbook.secret_strength import SHORTEST
from rollbook.settings import Settings, SettingsError

NAMES = ("secret_key", "jwt_secret_key", "admin_password")


def with_secrets(settings: Settings) -> tuple[Settings, list[str]]:
    """Settings that lack no secret they need, and a sentence on each that was made just now.

    Raises: SettingsError, when a secret is empty in production, cannot be kept, or is kept where others may read.
    """
    if settings.environment == "production":
        _refuse_empty()
    made: list[str] = []
    kept = {name: SecretStr(_kept(settings.data_dir / name, made)) for name in _needed(settings)}
    return settings.model_copy(update=kept), made


def with_kept_secrets(settings: Settings) -> Settings:
    """For a command, which makes none: what is kept, and else one of the moment, which is used for nothing that stays.

    Raises: SettingsError.
    """
    paths = {name: settings.data_dir / name for name in _needed(settings)}
    kept = {name: _kept(path, []) if path.exists() else secrets.token_hex(32) for name, path in paths.items()}
    return settings.model_copy(update={name: SecretStr(value) for name, value in kept.items()})


def has_secret(settings: Settings) -> bool:
    """Is there a SECRET_KEY, given or kept?"""
    return settings.secret_key is not None or (settings.data_dir / "secret_key").exists()


def _needed(settings: Settings) -> list[str]:
    needed = ["secret_key"] if settings.secret_key is None else []
    if settings.signs_with_secret and settings.jwt_secret_key is None:
        needed.append("jwt_secret_key")
    return needed


def _refuse_empty() -> None:
    given = {name.lower(): value for name, value in [*dotenv_values(".env").items(), *os.environ.items()]}
    empty = [name.upper() for name in NAMES if given.get(name) == ""]
    if empty:
        raise SettingsError("\n".join(f"{name}: empty; give a value, or do not set it" for name in empty))


def _kept(path: Path, made: list[str]) -> str:
    """What `path` holds; a new secret, when there is no such file. Two that start at once agree on one."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_new(path, made)
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"{path.name.upper()}: others may read {path}; run chmod 600 on it")
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise SettingsError(
            f"{path.name.upper()}: not set, and {path} cannot keep one ({why}); set it, or a DATA_DIR to write to"
        ) from None
    if len(text) < SHORTEST:
        raise SettingsError(f"{path.name.upper()}: {path} is too short; restore it, or remove it for a new one")
    return text


def _write_new(path: Path, made: list[str]) -> None:
    """Whole or not at all: written aside, then linked to its name, which fails where the name is taken."""
    if path.exists():
        return
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # With mode 0600.
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
        made.append(f"{path.name.upper()} was not set: a new one is kept in {path}; back it up")
    except FileExistsError:
        pass
    finally:
        Path(name).unlink()
