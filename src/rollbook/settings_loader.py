"""Load the settings, and describe every mistake in one line."""

from pathlib import Path

from dotenv.parser import parse_stream
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings.exceptions import SettingsError as SourceError

from rollbook.settings import ENV_FILE, Settings, SettingsError

SECRETS_FOLDER = Path("/run/secrets")


def load_settings() -> Settings:
    """Load the settings. Raises: SettingsError, with one line for each setting that is wrong."""
    try:
        _check_env_file()
        return Settings(_secrets_dir=SECRETS_FOLDER if SECRETS_FOLDER.is_dir() else None)
    except ValidationError as error:
        lines = [_render_line(fault["loc"], _explain(fault)) for fault in error.errors()]
        raise SettingsError("\n".join(lines)) from None
    except (SourceError, UnicodeDecodeError, OSError) as error:
        why = error if isinstance(error, SourceError) else "it is not readable UTF-8 text"
        raise SettingsError(f".env or {SECRETS_FOLDER}: {why}") from None


def _check_env_file() -> None:
    """Check .env. python-dotenv skips a line that it cannot parse, and would drop a restriction.

    Raises: SettingsError.
    """
    if not ENV_FILE.is_file():
        return
    with ENV_FILE.open(encoding="utf-8") as file:
        broken = [binding.original.line for binding in parse_stream(file) if binding.error]
    if broken:
        lines = [f".env, line {line}: not NAME=value." for line in broken]
        raise SettingsError("\n".join(lines))


def _explain(fault: ErrorDetails) -> str:
    """Say what to write, where Pydantic's message would be about its own rules."""
    description = Settings.model_fields[str(fault["loc"][0])].description if fault["loc"] else None
    explanations = {
        "bool_parsing": "write true or false.",
        "int_parsing": "write a whole number.",
        "string_pattern_mismatch": f"not of the form that it needs. It is: {description}.",
    }
    return explanations.get(fault["type"], fault["msg"])


def _render_line(loc: tuple[int | str, ...], message: str) -> str:
    text = message.removeprefix("Value error, ")
    return f"{str(loc[0]).upper()}: {text}" if loc else text
