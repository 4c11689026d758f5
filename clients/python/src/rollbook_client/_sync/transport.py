"""Requests over HTTP, sent again where that is safe."""

import httpx

from rollbook_client.messages import Request, Tokens
from rollbook_client.retries import RetryBudget, may_resend, sleep


class Transport:
    """Sends requests to the API at `base`."""

    def __init__(self, base: str, http: httpx.Client) -> None:
        self._base = base
        self.http = http

    def exchange(
        self, request: Request, tokens: Tokens | None, budget: RetryBudget
    ) -> httpx.Response:
        """Send a request until its response is final, or the budget is used up.

        Raises: httpx.TransportError, when there was no response.
        """
        while True:
            result = self._send(request, tokens)
            wait = budget.take(result) if may_resend(request, result) else None
            if wait is not None:
                sleep(wait)
            elif isinstance(result, httpx.Response):
                return result
            else:
                raise result

    def _send(
        self, request: Request, tokens: Tokens | None
    ) -> httpx.Response | httpx.TransportError:
        headers = httpx.Headers({"Accept": "application/json"})
        headers.update(request.headers)
        if tokens:
            headers["Authorization"] = f"Bearer {tokens.access}"
        try:
            return self.http.request(
                request.method,
                self._base + request.path,
                params=request.query or None,
                json=request.json,
                headers=headers,
            )
        except httpx.TransportError as error:
            return error
