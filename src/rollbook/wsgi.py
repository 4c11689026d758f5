"""The application for another WSGI server, such as `gunicorn rollbook.wsgi:app`.

It needs a database that is running: MONGODB_URI, or the private MongoDB of `run.py`. Load it in
each worker (gunicorn without `--preload`), since processes must not share a connection to MongoDB.
"""

import sys

from flask import Flask
from pydantic import SecretStr

from rollbook.embedded.data_folder import find_running_uri
from rollbook.settings import Settings, SettingsError, StartError
from rollbook.settings_loader import load_settings
from rollbook.startup import configure, start_app

APP_LOAD_ERROR = 4
"""The exit code with which a worker tells gunicorn not to start it again."""
NO_DATABASE = (
    "MONGODB_URI: not set, and no private MongoDB is running in {}. Set MONGODB_URI, or start one "
    "with `python run.py` on another PORT."
)


def load_app() -> Flask:
    """Load the application with the settings of the environment. Ends with one line for each error.

    Raises: SystemExit.
    """
    try:
        return start_app(configure(_find_database(load_settings())))
    except StartError as error:
        print(error, file=sys.stderr, flush=True)  # noqa: T201 - the log may not have started
        raise SystemExit(APP_LOAD_ERROR) from None


def _find_database(settings: Settings) -> Settings:
    """Return settings with MONGODB_URI, or with the URI of a running private MongoDB.

    Raises: SettingsError, without either.
    """
    if settings.mongodb_uri is not None:
        return settings
    uri = find_running_uri(settings.data_dir)
    if uri is None:
        raise SettingsError(NO_DATABASE.format(settings.data_dir.resolve()))
    return settings.model_copy(update={"mongodb_uri": SecretStr(uri)})


app = load_app()
