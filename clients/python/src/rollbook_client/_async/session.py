"""A session: its tokens, and their refresh."""

from collections.abc import Callable

import httpx

from rollbook_client._async.transport import AsyncTransport
from rollbook_client.errors import EXPIRED, RollbookError, find_code, parse_body
from rollbook_client.messages import Request, Tokens
from rollbook_client.retries import AsyncLock, RetryBudget
from rollbook_client.types import SignedInOut

OnTokens = Callable[[Tokens | None], None]


def parse_tokens(data: SignedInOut) -> Tokens:
    return Tokens(data["access_token"], data.get("refresh_token"))


class AsyncSession:
    """One session. Calls at the same time refresh its tokens once, and share a failure to.

    `tokens` are None when it has ended, and `on_tokens` is called when they change. Once the
    refresh was refused, calls are too: without a token, they might do something else.
    """

    def __init__(
        self, transport: AsyncTransport, tokens: Tokens, on_tokens: OnTokens | None
    ) -> None:
        self._transport = transport
        self._on_tokens = on_tokens
        self._refreshing = AsyncLock()
        self._failures = 0
        self._last_failure: Exception | None = None
        self.tokens: Tokens | None = tokens

    async def send(self, request: Request, budget: RetryBudget) -> httpx.Response:
        """Send a request, and send it again after a refresh when the access token has expired.

        Raises: RollbookError, when the refresh is refused; httpx.TransportError.
        """
        tokens = self.tokens
        if tokens is None and self._last_failure:
            raise self._last_failure
        response = await self._transport.exchange(request, tokens, budget)
        if tokens and tokens.refresh and find_code(response) in EXPIRED:
            await self._refresh(tokens, budget)
            if self.tokens:
                return await self._transport.exchange(request, self.tokens, budget)
        return response

    def replace(self, tokens: Tokens | None) -> None:
        """Keep other tokens, or None: the session has ended."""
        if self.tokens != tokens:
            self.tokens = tokens
            if self._on_tokens:
                self._on_tokens(tokens)

    def abandon(self) -> None:
        """Tell nobody about its tokens any more, since another session was started."""
        self._on_tokens = None

    async def _refresh(self, expired: Tokens, budget: RetryBudget) -> None:
        """Replace the tokens, unless another call has done so, or has failed, in the meantime."""
        failures = self._failures
        async with self._refreshing:
            if self.tokens is not expired:
                return
            if self._last_failure and self._failures > failures:
                raise self._last_failure
            try:
                tokens = await self._request_tokens(expired, budget)
            except (RollbookError, httpx.TransportError) as error:
                self._failures += 1
                self._last_failure = error
                if isinstance(error, RollbookError) and error.code == "invalid_refresh_token":
                    self.replace(None)
                raise
            if self.tokens is expired:
                self.replace(tokens)

    async def _request_tokens(self, expired: Tokens, budget: RetryBudget) -> Tokens:
        request = Request("POST", "/auth/refresh", json={"refresh_token": expired.refresh})
        response = await self._transport.exchange(request, None, budget)
        return parse_tokens(parse_body(response)["data"])
