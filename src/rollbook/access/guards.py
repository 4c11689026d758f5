"""Every resource method says who may call it: `@requires(...)` or `@public`."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, g

from rollbook.access.permissions import Permission
from rollbook.access.principal import Principal
from rollbook.kit.errors import Forbidden, Unauthenticated

Method = TypeVar("Method", bound=Callable[..., Any])
Authenticator = Callable[[], Principal]
"""Turns the request at hand into its caller."""

PUBLIC = "public"


def requires(permission: Permission) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Raises: Unauthenticated when nobody has signed in, Forbidden when the caller lacks `permission`."""

    def guard(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            principal = current_principal()
            if not principal.may(permission):
                raise Forbidden(f"This needs the permission {permission}.") if principal.user_id else Unauthenticated()
            return method(*args, **kwargs)

        guarded.access = permission  # type: ignore[attr-defined] # a mark on the function
        return guarded

    return guard


def public(method: Method) -> Method:
    """Anyone may call it."""
    method.access = PUBLIC  # type: ignore[attr-defined] # a mark on the function
    return method


def install(app: Flask, authenticate: Authenticator) -> None:
    """`authenticate` comes from above: what it knows (tokens, sessions, users) lies above this room."""
    app.extensions["rollbook.authenticate"] = authenticate


def current_principal() -> Principal:
    """The caller of this request; worked out once."""
    if "principal" not in g:
        g.principal = current_app.extensions["rollbook.authenticate"]()
    principal: Principal = g.principal
    return principal
