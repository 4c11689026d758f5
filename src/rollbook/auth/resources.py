"""Signing in and out, and one's own sessions."""

from typing import ClassVar

from bson import ObjectId
from flask_restful import Resource

from rollbook.access.guards import current_principal, public, signed_in
from rollbook.access.origin import anonymous
from rollbook.auth.errors import InvalidCredentials, InvalidRefreshToken
from rollbook.auth.schemas import LoginIn, MeOut, RefreshIn, SignedInOut
from rollbook.auth.service import AuthService
from rollbook.kit.declarations import PathParameter, Reply
from rollbook.kit.errors import TooManyRequests
from rollbook.kit.http import Api, endpoint
from rollbook.kit.passwords import TooBusy
from rollbook.limits.errors import LimitsUnavailable
from rollbook.sessions.errors import SessionNotFound
from rollbook.sessions.schemas import A_SESSION, SessionOut, SessionQuery

THROTTLED = (TooManyRequests, LimitsUnavailable)


class AuthResource(Resource):
    def __init__(self, auth: AuthService) -> None:
        self.auth = auth
        self.sessions = auth.sessions


class Login(AuthResource):
    @public
    @endpoint(
        "login", "Signed in.", body=LoginIn, returns=SignedInOut, errors=(InvalidCredentials, TooBusy, *THROTTLED)
    )
    def post(self, body: LoginIn) -> Reply:
        """Sign in, by e-mail address or username.

        Whatever is wrong, the answer is the same. Send the access token as `Authorization: Bearer …`.
        """
        return Reply(self.auth.sign_in(body, actor=anonymous()))


class Refresh(AuthResource):
    @public
    @endpoint(
        "refresh", "Signed in anew.", body=RefreshIn, returns=SignedInOut, errors=(InvalidRefreshToken, *THROTTLED)
    )
    def post(self, body: RefreshIn) -> Reply:
        """Trade a refresh token for a new pair.

        It is good once. If it comes a second time, someone has a copy: the session and all its tokens are dead.
        """
        return Reply(self.auth.refresh(body.refresh_token, actor=anonymous()))


class Logout(AuthResource):
    @signed_in
    @endpoint("logout", "Signed out.", status=204, errors=(SessionNotFound,))
    def post(self) -> Reply:
        """End the session that asks, now; its tokens are dead on every worker."""
        actor = current_principal()
        self.sessions.end_session(str(actor.session_id), user_id=ObjectId(actor.user_id), actor=actor)
        return Reply(None)


class Me(AuthResource):
    @signed_in
    @endpoint("read_me", "This is you.", returns=MeOut)
    def get(self) -> Reply:
        """Read who calls, and what they may do."""
        return Reply(self.auth.read_me(actor=current_principal()))


class OwnSessions(AuthResource):
    @signed_in
    @endpoint("list_sessions", "Sessions listed.", query=SessionQuery, returns=SessionOut, many=True)
    def get(self, query: SessionQuery) -> Reply:
        """List where one is signed in, the latest sign-in first."""
        actor = current_principal()
        return Reply(self.sessions.list_sessions(ObjectId(actor.user_id), query.page_request(), actor=actor))

    @signed_in
    @endpoint("end_other_sessions", "Sessions ended.", status=204)
    def delete(self) -> Reply:
        """Sign out everywhere else."""
        actor = current_principal()
        self.sessions.end_sessions(ObjectId(actor.user_id), actor=actor)
        return Reply(None)


class OwnSession(AuthResource):
    path_parameters: ClassVar = {"id": PathParameter("The session's id.", A_SESSION)}

    @signed_in
    @endpoint("end_session", "Session ended.", status=204, errors=(SessionNotFound,))
    def delete(self, id: str) -> Reply:
        """End one of one's own sessions."""
        actor = current_principal()
        self.sessions.end_session(id, user_id=ObjectId(actor.user_id), actor=actor)
        return Reply(None)


def register(api: Api, auth: AuthService) -> None:
    handed = {"auth": auth}
    api.add_resource(Login, "/auth/login", endpoint="login", resource_class_kwargs=handed)
    api.add_resource(Refresh, "/auth/refresh", endpoint="refresh", resource_class_kwargs=handed)
    api.add_resource(Logout, "/auth/logout", endpoint="logout", resource_class_kwargs=handed)
    api.add_resource(Me, "/auth/me", endpoint="me", resource_class_kwargs=handed)
    api.add_resource(OwnSessions, "/auth/sessions", endpoint="own_sessions", resource_class_kwargs=handed)
    api.add_resource(OwnSession, "/auth/sessions/<id>", endpoint="own_session", resource_class_kwargs=handed)
