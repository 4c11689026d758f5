"""A self-hosted user-management REST API on MongoDB."""

from importlib.metadata import version

__version__ = version("rollbook")
