"""Every resource method says who may call it: `@requires(...)`, `@signed_in` or `@public`."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask, current_app, g

from rollbook.access.permissions import Permission
from rollbook.access.principal import Principal
from rollbook.kit.errors import AppError, Forbidden, Unauthenticated

Method = TypeVar("Method", bound=Callable[..., Any])
Authenticator = Callable[[], Principal]
"""Turns the request at hand into its caller."""


@dataclass(frozen=True)
class Access:
    """Who may call a method.

    `public`: anyone, though more may come of it for who holds `permission`. `or_self`: also the user whom the path
    names, which the service finds out. Without any of them: whoever has signed in.
    """

    public: bool = False
    permission: Permission | None = None
    or_self: bool = False


def requires(permission: Permission, *, or_self: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Raises: Unauthenticated when nobody has signed in, Forbidden when the caller lacks `permission`."""
    return _guard(Access(permission=permission, or_self=or_self))


def signed_in(method: Callable[..., Any]) -> Callable[..., Any]:
    """Whoever it is. Raises: Unauthenticated."""
    return _guard(Access())(method)


def public(method: Method) -> Method:
    """Anyone may call it."""
    return _mark(method, Access(public=True))


def anyone_or(permission: Permission) -> Callable[[Method], Method]:
    """Anyone may call it; what comes of it, the service decides by who it is and by `permission`."""
    return lambda method: _mark(method, Access(public=True, permission=permission))


def _mark(method: Method, access: Access) -> Method:
    method.access = access  # type: ignore[attr-defined] # a mark on the function
    return method


def _guard(access: Access) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def guard(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            _require(access, current_principal())
            return method(*args, **kwargs)

        return _mark(guarded, access)

    return guard


def _require(access: Access, principal: Principal) -> None:
    if access.permission and principal.may(access.permission):
        return
    if principal.user_id is None:
        raise Unauthenticated()
    if access.permission and not access.or_self:
        raise Forbidden(f"This needs the permission {access.permission}.")


def install(app: Flask, authenticate: Authenticator) -> None:
    """`authenticate` comes from above: what it knows (tokens, sessions, users) lies above this room."""
    app.extensions["rollbook.authenticate"] = authenticate


def current_principal() -> Principal:
    """The caller of this request; worked out once. Raises: what the authenticator does."""
    if "principal" not in g:
        try:
            g.principal = current_app.extensions["rollbook.authenticate"]()
        except AppError as error:
            g.principal = error
    if isinstance(g.principal, AppError):
        raise g.principal
    principal: Principal = g.principal
    return principal


def find_principal() -> Principal | None:
    """The caller; None when the token is not good."""
    try:
        return current_principal()
    except AppError:
        return None


def find_user_id() -> str | None:
    """Of the user who calls; None when it is nobody we know."""
    principal = find_principal()
    return principal.user_id if principal else None
