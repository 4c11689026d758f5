"""gunicorn's worker with buffering, so that slow clients occupy no thread."""
