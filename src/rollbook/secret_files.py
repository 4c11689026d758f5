"""Secrets that no setting gives: generated at the first start, and stored in DATA_DIR."""

import os
import secrets
import tempfile
from pathlib import Path

from dotenv import dotenv_values
from pydantic import SecretStr

from rollbook.secret_strength import MIN_LENGTH
from rollbook.settings import Settings, SettingsError

SECRET_NAMES = ("secret_key", "jwt_secret_key", "admin_password")


def load_or_create_secrets(settings: Settings) -> tuple[Settings, list[str]]:
    """Return settings with all secrets, and a message for each one that was generated.

    Raises: SettingsError, when a secret is empty in production, cannot be stored, or is stored in a
    file that others can read.
    """
    if settings.environment == "production":
        _require_not_empty()
    messages: list[str] = []
    loaded = {
        name: SecretStr(_read_or_create(settings.data_dir / name, messages))
        for name in _list_missing(settings)
    }
    return settings.model_copy(update=loaded), messages


def load_secrets(settings: Settings) -> Settings:
    """Load the secrets for a command, which creates no files.

    A missing secret is random, and is not stored.

    Raises: SettingsError.
    """
    loaded = {}
    for name in _list_missing(settings):
        path = settings.data_dir / name
        value = _read_or_create(path, []) if path.exists() else secrets.token_hex(32)
        loaded[name] = SecretStr(value)
    return settings.model_copy(update=loaded)


def has_secret_key(settings: Settings) -> bool:
    """Return whether the settings or DATA_DIR have a SECRET_KEY."""
    return settings.secret_key is not None or (settings.data_dir / "secret_key").exists()


def _list_missing(settings: Settings) -> list[str]:
    missing = ["secret_key"] if settings.secret_key is None else []
    if settings.uses_shared_secret and settings.jwt_secret_key is None:
        missing.append("jwt_secret_key")
    return missing


def _require_not_empty() -> None:
    """Refuse empty secrets. Raises: SettingsError.

    In production an empty secret is a mistake, not an unset one.
    """
    sources = [*dotenv_values(".env").items(), *os.environ.items()]
    given = {name.lower(): value for name, value in sources}
    empty = [name.upper() for name in SECRET_NAMES if given.get(name) == ""]
    if empty:
        raise SettingsError(
            "\n".join(f"{name}: empty. Set a value, or unset it." for name in empty)
        )


def _read_or_create(path: Path, messages: list[str]) -> str:
    """Return the stored secret, which is created when it is missing.

    Two processes that start at the same time both get the same secret.
    """
    name = path.name.upper()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _create_if_missing(path, messages)
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"{name}: others can read {path}. Run chmod 600 on it.")
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise SettingsError(
            f"{name}: not set, and {path} cannot hold one ({why}). Set {name}, or a DATA_DIR that "
            "can be written."
        ) from None
    if len(text) < MIN_LENGTH:
        raise SettingsError(
            f"{name}: {path} is too short. Restore it, or remove it to generate a new one."
        )
    return text


def _create_if_missing(path: Path, messages: list[str]) -> None:
    """Create the file, unless it exists.

    A temporary file is written, then linked to its name: a reader sees all of it or nothing.
    """
    if path.exists():
        return
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
        messages.append(f"{path.name.upper()} was not set: generated {path}. Back it up.")
    except FileExistsError:
        pass  # Another process was faster.
    finally:
        Path(temporary).unlink()
