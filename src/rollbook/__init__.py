"""A self-hosted user-management REST API on MongoDB."""

__version__ = "0.3.0"
