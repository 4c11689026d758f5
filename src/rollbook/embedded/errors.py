"""Why the private MongoDB cannot run."""


class EmbeddedError(Exception):
    """One line that says what is wrong and what to do about it."""
