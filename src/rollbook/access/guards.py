"""Every resource method declares who may call it.

The declarations are `@requires(...)`, `@signed_in`, `@signed_in_or_cookie`, `@anyone_or(...)` and
`@public`.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import current_app, g, request

from rollbook.access.permissions import Permission
from rollbook.access.principal import Principal
from rollbook.access.trusted_clients import UnknownClient
from rollbook.kit.errors import AppError, Forbidden, Unauthenticated
from rollbook.web.extensions import AUTHENTICATE

Method = TypeVar("Method", bound=Callable[..., Any])
Authenticator = Callable[[], Principal]
"""Turns the current request into its caller."""
REFRESH_COOKIE = "__Secure-rollbook-refresh"
"""Browsers accept this prefix only with Secure (RFC 6265bis §4.1.3.1)."""


@dataclass(frozen=True)
class Access:
    """Who may call a resource method.

    `public`: anyone, though `permission` may allow more. `or_self`: also the user that the path
    refers to, which the service checks. With neither of them and no permission: any user who has
    signed in; with `or_cookie`, also the owner of the refresh cookie, which the service checks.
    `by_client`: only a backend of TRUSTED_CLIENTS.
    """

    public: bool = False
    permission: Permission | None = None
    or_self: bool = False
    or_cookie: bool = False
    by_client: bool = False


def note_signed_in(user_id: str, session_id: str) -> None:
    """Let the line in the log say who has signed in with this request."""
    g.signed_in = {"user": user_id, "session": session_id}


def requires(
    permission: Permission, *, or_self: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Require `permission` of the caller.

    Raises: Unauthenticated for an anonymous caller, Forbidden without `permission`.
    """
    return _guard(Access(permission=permission, or_self=or_self))


def signed_in(method: Callable[..., Any]) -> Callable[..., Any]:
    """Allow any user who has signed in. Raises: Unauthenticated."""
    return _guard(Access())(method)


def signed_in_or_cookie(method: Callable[..., Any]) -> Callable[..., Any]:
    """Allow any user who has signed in, and a request with a refresh cookie.

    Raises: Unauthenticated.
    """
    return _guard(Access(or_cookie=True))(method)


def trusted_client(method: Callable[..., Any]) -> Callable[..., Any]:
    """Allow only a backend of TRUSTED_CLIENTS, by HTTP Basic. Raises: UnknownClient."""

    @functools.wraps(method)
    def check_and_call(*args: Any, **kwargs: Any) -> Any:
        if "trusted_client" not in g:
            raise UnknownClient()
        return method(*args, **kwargs)

    return _mark(check_and_call, Access(by_client=True))


def public(method: Method) -> Method:
    """Allow anyone. A token is ignored, whether it is valid or not."""
    return _mark(method, Access(public=True))


def anyone_or(permission: Permission) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Allow anyone. The service decides what `permission` allows beyond that.

    A token that is sent must be valid. Raises: Unauthenticated, InvalidToken.
    """
    return _guard(Access(public=True, permission=permission))


def current_principal() -> Principal:
    """Return the caller of the current request, who is authenticated once.

    Raises: the errors of the authenticator.
    """
    principal: Principal | AppError | None = g.get("principal")
    if principal is None:
        try:
            principal = current_app.extensions[AUTHENTICATE]()
        except AppError as error:
            principal = error
        g.principal = principal
    if isinstance(principal, AppError):
        raise principal
    return principal


def current_user() -> Principal:
    """Return the caller, who has signed in. Raises: Unauthenticated."""
    principal = current_principal()
    if principal.user_id is None:
        raise Unauthenticated()
    return principal


def find_principal() -> Principal | None:
    """Return the caller, or None when the token is not valid."""
    try:
        return current_principal()
    except AppError:
        return None


def find_user_id() -> str | None:
    """Return the id of the caller, or None for an anonymous caller and an invalid token."""
    principal = find_principal()
    return principal.user_id if principal else None


def _mark(method: Method, access: Access) -> Method:
    method.access = access  # type: ignore[attr-defined] # a mark on the function
    return method


def _guard(access: Access) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def guard(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def check_and_call(*args: Any, **kwargs: Any) -> Any:
            if not (access.or_cookie and REFRESH_COOKIE in request.cookies):
                _require(access)
            return method(*args, **kwargs)

        return _mark(check_and_call, access)

    return guard


def _require(access: Access) -> None:
    principal = current_principal()
    if access.public or (access.permission and principal.may(access.permission)):
        return
    current_user()
    if access.permission and not access.or_self:
        raise Forbidden(f"This needs the permission {access.permission}.")
