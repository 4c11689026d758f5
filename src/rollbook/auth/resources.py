"""Sign in, sign out, and your own sessions over HTTP."""

from dataclasses import replace
from typing import ClassVar, Protocol

from bson import ObjectId
from flask_restful import Resource

from rollbook.access.client_address import get_anonymous_principal
from rollbook.access.guards import (
    current_principal,
    current_user,
    note_signed_in,
    public,
    signed_in,
    signed_in_or_cookie,
)
from rollbook.auth.errors import (
    EmailUnverified,
    InvalidCredentials,
    InvalidRefreshToken,
    OriginNotAllowed,
)
from rollbook.auth.refresh_cookie import RefreshCookie
from rollbook.auth.schemas import LoginIn, LogoutIn, MeOut, RefreshIn, SignedInOut
from rollbook.auth.service import AuthService, SignedIn
from rollbook.kit.errors import TooManyRequests
from rollbook.limits.errors import LimitsUnavailable
from rollbook.passwords.errors import TooBusy
from rollbook.sessions.errors import SessionNotFound
from rollbook.sessions.schemas import A_SESSION_ID, SessionOut, SessionQuery
from rollbook.sessions.service import SessionService
from rollbook.web.declarations import PathParameter, Reply
from rollbook.web.endpoints import Api, endpoint

THROTTLED = (TooManyRequests, LimitsUnavailable)


class Services(Protocol):
    @property
    def auth(self) -> AuthService: ...
    @property
    def refresh_cookie(self) -> RefreshCookie: ...
    @property
    def sessions(self) -> SessionService: ...


class AuthResource(Resource):
    def __init__(self, services: Services) -> None:
        self.auth = services.auth
        self.cookie = services.refresh_cookie
        self.sessions = services.sessions

    def _send_tokens(self, signed_in: SignedIn, *, in_cookie: bool) -> Reply:
        note_signed_in(str(signed_in.user.pk), signed_in.session_id)
        if in_cookie:
            self.cookie.set(signed_in.refresh_token or "")
            signed_in = replace(signed_in, refresh_token=None)
        return Reply(signed_in)


class Login(AuthResource):
    @public
    @endpoint(
        "login",
        "Signed in.",
        body=LoginIn,
        returns=SignedInOut,
        errors=(InvalidCredentials, EmailUnverified, OriginNotAllowed, TooBusy, *THROTTLED),
    )
    def post(self, body: LoginIn) -> Reply:
        """Sign in with an e-mail address or a username.

        Every failure gets the same response, but for a right password when the address has to be
        verified first. Send the access token as `Authorization: Bearer …`.
        """
        if body.refresh_cookie:
            self.cookie.require_allowed()
        signed_in = self.auth.sign_in(body, actor=get_anonymous_principal())
        return self._send_tokens(signed_in, in_cookie=body.refresh_cookie)


class Refresh(AuthResource):
    @public
    @endpoint(
        "refresh",
        "Session refreshed.",
        body=RefreshIn,
        returns=SignedInOut,
        errors=(InvalidRefreshToken, OriginNotAllowed, *THROTTLED),
    )
    def post(self, body: RefreshIn) -> Reply:
        """Exchange a refresh token for a new pair of tokens.

        A refresh token is valid once. Sent again within REFRESH_REUSE_SECONDS (10), as by two tabs
        of a browser, the latest used token gets the same successor. Otherwise somebody has a copy
        of a used token: the session ends, and all its tokens become invalid.
        """
        if body.refresh_cookie:
            self.cookie.require_allowed()
        token = body.refresh_token or self.cookie.read()
        with self.cookie.cleared_if_invalid():
            signed_in = self.auth.refresh(token, actor=get_anonymous_principal())
        return self._send_tokens(signed_in, in_cookie=body.refresh_cookie)


class Logout(AuthResource):
    @signed_in_or_cookie
    @endpoint(
        "logout",
        "Signed out.",
        body=LogoutIn,
        body_optional=True,
        status=204,
        errors=(SessionNotFound, InvalidRefreshToken, OriginNotAllowed),
    )
    def post(self, body: LogoutIn) -> Reply:
        """End the current session. Its tokens are invalid at once, on every worker.

        It is the session of the access token, or with `refresh_cookie` that of the cookie.
        """
        if body.refresh_cookie:
            self.cookie.require_allowed()
            with self.cookie.cleared_if_invalid():
                self.auth.sign_out(self.cookie.read(), actor=get_anonymous_principal())
            self.cookie.clear()
            return Reply(None)
        actor = current_user()
        user_id = ObjectId(actor.user_id)
        self.sessions.end_session(str(actor.session_id), user_id=user_id, actor=actor)
        return Reply(None)


class Me(AuthResource):
    @signed_in
    @endpoint("read_me", "Caller found.", returns=MeOut)
    def get(self) -> Reply:
        """Read your own user and permissions."""
        return Reply(self.auth.read_me(actor=current_principal()))


class OwnSessions(AuthResource):
    @signed_in
    @endpoint(
        "list_sessions", "Sessions listed.", query=SessionQuery, returns=SessionOut, many=True
    )
    def get(self, query: SessionQuery) -> Reply:
        """List your own sessions, the latest sign-in first."""
        actor = current_principal()
        user_id = ObjectId(actor.user_id)
        return Reply(self.sessions.list_sessions(user_id, query.page_request(), actor=actor))

    @signed_in
    @endpoint("end_other_sessions", "Sessions ended.", status=204)
    def delete(self) -> Reply:
        """End all your sessions except the current one."""
        actor = current_principal()
        self.sessions.end_other_sessions(ObjectId(actor.user_id), actor=actor)
        return Reply(None)


class OwnSession(AuthResource):
    path_parameters: ClassVar = {"id": PathParameter("The session's id.", A_SESSION_ID)}

    @signed_in
    @endpoint("end_session", "Session ended.", status=204, errors=(SessionNotFound,))
    def delete(self, id: str) -> Reply:
        """End one of your own sessions."""
        actor = current_principal()
        self.sessions.end_session(id, user_id=ObjectId(actor.user_id), actor=actor)
        return Reply(None)


def register(api: Api, services: Services) -> None:
    kwargs = {"services": services}
    resources: list[tuple[type[AuthResource], str, str]] = [
        (Login, "/auth/login", "login"),
        (Refresh, "/auth/refresh", "refresh"),
        (Logout, "/auth/logout", "logout"),
        (Me, "/auth/me", "me"),
        (OwnSessions, "/auth/sessions", "own_sessions"),
        (OwnSession, "/auth/sessions/<id>", "own_session"),
    ]
    for resource, path, name in resources:
        api.add_resource(resource, path, endpoint=name, resource_class_kwargs=kwargs)
