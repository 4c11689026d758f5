"""A typed client of rollbook, the user-management REST API: `Client`, and `AsyncClient`."""

from rollbook_client import types
from rollbook_client._async.operations import AsyncClient
from rollbook_client._async.pages import AsyncPages
from rollbook_client._sync.operations import Client
from rollbook_client._sync.pages import Pages
from rollbook_client.errors import RollbookError
from rollbook_client.messages import Page, Tokens

__all__ = [
    "AsyncClient",
    "AsyncPages",
    "Client",
    "Page",
    "Pages",
    "RollbookError",
    "Tokens",
    "types",
]
