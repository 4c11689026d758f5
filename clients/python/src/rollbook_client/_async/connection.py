"""A connection to one rollbook: signs in, and sends requests in the session."""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

from rollbook_client import types
from rollbook_client._async.pages import AsyncPages
from rollbook_client._async.session import AsyncSession, parse_tokens
from rollbook_client._async.transport import AsyncTransport
from rollbook_client.errors import ENDED, RollbookError, parse_body
from rollbook_client.messages import IDEMPOTENCY_KEY, Request, Tokens
from rollbook_client.retries import RetryBudget
from rollbook_client.version import AGENT


class AsyncConnection:
    """A connection to one rollbook. Close it, or use it in a `with` block."""

    def __init__(
        self,
        url: str,
        *,
        tokens: Tokens | None = None,
        on_tokens: Callable[[Tokens | None], None] | None = None,
        max_wait: float = 30.0,
        timeout: float = 15.0,
        api_prefix: str = "/api",
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """Make a client. Nothing is sent yet.

        Args:
            url: of the server, such as "http://127.0.0.1:5000", with or without the prefix
            tokens: of a session that was started before
            on_tokens: called with new tokens, to store them, and with None when the session has
                ended
            max_wait: seconds that a call may spend on waiting, for 429, 503 and lost connections;
                0 never waits
            timeout: seconds without a byte until a request is given up; `http` has its own
            api_prefix: API_PREFIX of the server
            http: a client with a proxy, certificates or headers of your own; it is closed with this

        Raises: ValueError, when `url` has no scheme.
        """
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is no URL. Write http://host:port or https://host.")
        base = url.rstrip("/").removesuffix(api_prefix) + api_prefix
        http = http or httpx.AsyncClient(timeout=timeout, headers={"User-Agent": AGENT})
        self._transport = AsyncTransport(base, http)
        self._on_tokens = on_tokens
        self._max_wait = max_wait
        self._session = AsyncSession(self._transport, tokens, on_tokens) if tokens else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections. The session goes on: its tokens stay valid."""
        await self._transport.http.aclose()

    @property
    def tokens(self) -> Tokens | None:
        """The tokens of the session, or None."""
        return self._session.tokens if self._session else None

    async def sign_in(self, login: str, password: str) -> types.UserOut:
        """Start a session. `login` is an e-mail address or a username.

        Raises: RollbookError, with the code invalid_credentials.
        """
        name = "email" if "@" in login else "username"
        request = Request("POST", "/auth/login", json={name: login, "password": password})
        response = await self._transport.exchange(request, None, RetryBudget(self._max_wait))
        data: types.SignedInOut = parse_body(response)["data"]
        tokens = parse_tokens(data)
        if self._session:
            self._session.abandon()
        self._session = AsyncSession(self._transport, tokens, self._on_tokens)
        if self._on_tokens:
            self._on_tokens(tokens)
        return data["user"]

    async def sign_out(self) -> None:
        """End the session. Its tokens are invalid at once. Raises: RollbookError."""
        session = self._session
        if not session:
            return
        try:
            request = Request("POST", "/auth/logout")
            parse_body(await session.send(request, RetryBudget(self._max_wait)))
        except RollbookError as error:
            if error.code not in ENDED:
                raise
        session.replace(None)
        self._session = None

    async def send(self, method: str, path: str, **parts: Any) -> Any:
        """Send a request as `request` does, and return the `data` of the response."""
        return (await self.request(method, path, **parts))["data"]

    def pages(self, path: str, query: Mapping[str, Any] | None = None) -> AsyncPages[Any]:
        """List all that `path` lists, such as users by {"metadata.team": "blue"}."""
        return AsyncPages(self, path, query or {})

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Send a request in the session, and return the envelope of the response.

        Parts of `query` that are None are left out. A POST gets a random idempotency key, unless
        `headers` have one.

        Raises: RollbookError; httpx.TransportError, when there was no response.
        """
        given = {name: value for name, value in (query or {}).items() if value is not None}
        request = Request(method, path, given, json, httpx.Headers(headers))
        if method == "POST":
            request.headers.setdefault(IDEMPOTENCY_KEY, str(uuid4()))
        budget = RetryBudget(self._max_wait)
        if self._session:
            return parse_body(await self._session.send(request, budget))
        return parse_body(await self._transport.exchange(request, None, budget))
