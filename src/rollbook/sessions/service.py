"""Start, refresh, list and end sessions. A session knows its user only by id."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId

from rollbook.access.principal import ActorKind, Principal
from rollbook.audit.service import MAX_USER_AGENT_LENGTH, Target, append_entry
from rollbook.kit import metrics
from rollbook.kit.clock import Clock
from rollbook.kit.listing import Page, PageRequest, Row
from rollbook.sessions import refresh_tokens
from rollbook.sessions.dao import sessions
from rollbook.sessions.documents import Session
from rollbook.sessions.errors import SessionNotFound
from rollbook.storage.transactions import count_after_commit, transactional

MAX_SESSIONS = 100
"""Of one user. The next sign-in ends the oldest session."""


@dataclass(frozen=True)
class SessionService:
    """`lifetime` counts from the sign-in or the last refresh, `max_age` from the sign-in.

    `successor_key` derives refresh tokens. For the time `reuse` after a refresh, the token that it
    used up gets the same successor again.
    """

    clock: Clock
    lifetime: timedelta
    max_age: timedelta
    successor_key: bytes
    reuse: timedelta

    def start_session(
        self, user_id: ObjectId, *, actor: Principal, at: datetime
    ) -> tuple[Session, str]:
        """Start a session, and return it with its first refresh token, which is not stored.

        Call it inside the transaction of a sign-in.
        """
        token = refresh_tokens.create_token()
        hashes = refresh_tokens.hash_token(token)
        sessions.delete_oldest(user_id, keep=MAX_SESSIONS - 1)
        session = Session(
            id=secrets.token_hex(16),
            user_id=user_id,
            family=hashes.family,
            current=hashes.token,
            created_at=at,
            **self._describe_use(actor, at),
        )
        count_after_commit(metrics.sessions_started())
        return sessions.insert(session), token

    def find_by_token(self, token: str) -> Session | None:
        """Find the session that a refresh token, valid or used, belongs to."""
        return sessions.find("family", refresh_tokens.hash_token(token).family)

    def rotate_token(
        self, token: str, *, actor: Principal, at: datetime
    ) -> tuple[Session, str] | None:
        """Use up `token`, and return its session and its successor.

        Two tabs of a browser may send the same token at the same time: the second request gets the
        same successor. None when `token` is not valid. If it was used before that, the whole
        session ends (RFC 9700 §4.14.2). Call it inside a transaction, which has to commit in all
        cases.
        """
        hashes = refresh_tokens.hash_token(token)
        successor = refresh_tokens.derive_successor(token, self.successor_key)
        new = refresh_tokens.hash_token(successor)
        changes = {"current": new.token, **self._describe_use(actor, at)}
        session = sessions.rotate(
            hashes.family, hashes.token, at=at, changes=changes, max_age=self.max_age
        )
        action = "session.refreshed"
        if session is None:
            session = sessions.find("family", hashes.family)
            if session is None or not self._is_repeated(session, new, at):
                self._end_family(session, hashes, actor=actor, at=at)
                return None
            action = "session.refresh_repeated"
        owner = replace(actor, kind=ActorKind.USER, user_id=str(session.user_id))
        _audit(action, session, owner, at)
        return session, successor

    def started_after(self, id: str, time: datetime) -> bool:
        """Return whether the session has not ended and its sign-in was later than `time`."""
        session = sessions.find("_id", id)
        return session is not None and session.created_at > time

    def list_sessions(
        self, user_id: ObjectId, request: PageRequest, *, actor: Principal
    ) -> Page[Row]:
        """List the sessions that have not ended."""
        query = {"user_id": user_id, "expires_at": {"$gt": self.clock()}}
        page = sessions.list_page(request, query)
        current = actor.session_id
        items = [{**row, "is_current": str(row["_id"]) == current} for row in page.items]
        return replace(page, items=items)

    @transactional()
    def end_session(self, id: str, *, user_id: ObjectId, actor: Principal) -> Session:
        """End a session. Raises: SessionNotFound, also for a session of another user."""
        session = sessions.find_of_user(id, user_id)
        if session is None:
            raise SessionNotFound()
        sessions.delete(session.pk)
        _audit("session.ended", session, actor, self.clock())
        return session

    @transactional()
    def end_other_sessions(self, user_id: ObjectId, *, actor: Principal) -> int:
        """End all sessions of a user except the caller's, and return their number.

        Without any, there is no audit entry.
        """
        ended = self.delete_sessions(user_id, besides=actor.session_id)
        if ended:
            changes = {"ended_sessions": {"before": None, "after": ended}}
            target, now = Target("user", str(user_id)), self.clock()
            append_entry("session.all_ended", target, actor=actor, at=now, changes=changes)
        return ended

    def delete_sessions(self, user_id: ObjectId, *, besides: str | None = None) -> int:
        """Delete the sessions of a user except `besides`, and return their number.

        There is no audit entry: call it inside the transaction of a change that has one.
        """
        return sessions.delete_of_user(user_id, besides=besides)

    def _is_repeated(
        self, session: Session, successor: refresh_tokens.TokenHashes, at: datetime
    ) -> bool:
        """Return whether the latest refresh used up the token that `successor` follows, just now.

        A token that was used earlier has another successor.
        """
        is_latest = session.current == successor.token and session.expires_at > at
        return bool(is_latest and at - session.last_used_at < self.reuse)

    def _end_family(
        self,
        session: Session | None,
        hashes: refresh_tokens.TokenHashes,
        *,
        actor: Principal,
        at: datetime,
    ) -> None:
        """End the session of a token that was used before.

        The latest token ends nothing: then the session has expired by our clock, which may be
        wrong.
        """
        if session is None or session.current == hashes.token:
            return
        sessions.delete(session.pk)
        if session.expires_at > at:
            _audit("session.reuse_detected", session, actor, at)

    def _describe_use(self, actor: Principal, at: datetime) -> dict[str, Any]:
        agent = actor.origin.user_agent
        return {
            "last_used_at": at,
            "expires_at": at + min(self.lifetime, self.max_age),
            "ip": actor.origin.ip,
            "user_agent": agent[:MAX_USER_AGENT_LENGTH] if agent else None,
        }


def _audit(action: str, session: Session, actor: Principal, at: datetime) -> None:
    """Append an audit entry. Its target is the user, who outlives the session."""
    before = str(session.pk)
    after = before if action.startswith("session.refresh") else None
    changes = {"session": {"before": before, "after": after}}
    target = Target("user", str(session.user_id))
    append_entry(action, target, actor=actor, at=at, changes=changes)
