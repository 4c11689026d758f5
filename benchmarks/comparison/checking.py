"""Check that a peer answers as it must, before it is measured."""

from collections.abc import Mapping

import httpx

from benchmarks.comparison.loads import EMAIL_FIELD, Load, Rendered
from benchmarks.comparison.wrk import LoadFailed

REQUIRE_SIGN_IN = {"read", "not-modified", "me", "list-20", "list-100", "update", "read-limited"}
REQUIRE_PERMISSION = REQUIRE_SIGN_IN - {"me"}


def check_load(
    api: httpx.Client, name: str, load: Load, stranger: Mapping[str, str], number: int
) -> None:
    """Send one request of a load, and check the response. Raises: LoadFailed.

    Requests without credentials, or with those of `stranger`, must be refused where the peers
    require a sign-in or a permission. `number` and the next one are for `$NUMBER`.
    """
    if load.sign_in:
        return  # Each refresh checks the one before.
    request = load.render()[0]
    response = send(api, request, request.headers, number)
    has_users = load.emails is None or count_emails(response) == load.emails
    if response.status_code != load.status or not has_users:
        raise LoadFailed(f"{request.method} {request.path}: {describe(response)}")
    if load.credentials and name in REQUIRE_SIGN_IN:
        check_refusal(api, load, {}, number + 1)
    if load.credentials and name in REQUIRE_PERMISSION:
        check_refusal(api, load, stranger, number + 1)


def check_refusal(
    api: httpx.Client, load: Load, credentials: Mapping[str, str], number: int
) -> None:
    """Send one request with other credentials. Raises: LoadFailed, when it is not refused."""
    request = load.render()[0]
    headers = {name: text for name, text in request.headers.items() if name not in load.credentials}
    response = send(api, request, headers | dict(credentials), number)
    if not is_refused(response, load):
        caller = "a user without the permission" if credentials else "everyone"
        raise LoadFailed(f"{request.path} is open to {caller}: {describe(response)}")


def send(
    api: httpx.Client, request: Rendered, headers: Mapping[str, str], number: int
) -> httpx.Response:
    path, body = (text.replace("$NUMBER", str(number)) for text in (request.path, request.body))
    return api.request(request.method, path, headers=dict(headers), content=body or None)


def is_refused(response: httpx.Response, load: Load) -> bool:
    """Return whether the caller got less. Some peers answer 200 with fewer users, or none."""
    if 400 <= response.status_code < 500:
        return True
    return load.emails is not None and count_emails(response) < load.emails


def count_emails(response: httpx.Response) -> int:
    return response.text.count(EMAIL_FIELD)


def describe(response: httpx.Response) -> str:
    return f"status {response.status_code}, {response.text[:500]!r}"
