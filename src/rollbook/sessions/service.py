"""What can be done with sessions, by those who know whose they are: a session knows only a user's id."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId

from rollbook.access.principal import ActorKind, Principal
from rollbook.audit.service import LONGEST_USER_AGENT, Target, record
from rollbook.kit.clock import Clock
from rollbook.kit.listing import Page, PageRequest
from rollbook.kit.paging import Row
from rollbook.kit.transactions import in_transaction
from rollbook.sessions import refresh_tokens
from rollbook.sessions.dao import sessions
from rollbook.sessions.documents import Session
from rollbook.sessions.errors import SessionNotFound

MOST_SESSIONS = 100
"""Of one user; beyond them the oldest ends."""


@dataclass(frozen=True)
class SessionService:
    """`lifetime`: of a session, from its sign-in or its last refresh; `max_age`: from its sign-in."""

    clock: Clock
    lifetime: timedelta
    max_age: timedelta

    def open(self, user_id: ObjectId, *, actor: Principal, at: datetime) -> tuple[Session, str]:
        """A session, and its first refresh token, which nobody keeps. Call it inside the transaction of a sign-in."""
        token = refresh_tokens.new()
        hashes = refresh_tokens.hashes(token)
        known = {"user_id": user_id, "family": hashes.family, "current": hashes.token, "created_at": at}
        sessions.remove_oldest(user_id, keep=MOST_SESSIONS - 1)
        return sessions.insert(Session(id=secrets.token_hex(16), **known, **self._use(actor, at))), token

    def rotate(self, token: str, following: str, *, actor: Principal, at: datetime) -> Session | None:
        """Take `token` and make `following` the one to use next; call it inside a transaction, and commit.

        None when it cannot be taken; if it was used before, its whole session has ended (RFC 9700 §4.14.2).
        """
        hashes, new = refresh_tokens.hashes(token), refresh_tokens.hashes(following)
        changes = {"current": new.token, **self._use(actor, at)}
        session = sessions.rotate(hashes.family, hashes.token, at=at, changes=changes, max_age=self.max_age)
        if session:
            owner = replace(actor, kind=ActorKind.USER, user_id=str(session.user_id))
            _record("session.refreshed", session, owner, at)
        else:
            self._end_family(hashes, actor=actor, at=at)
        return session

    def began_after(self, id: str, moment: datetime) -> bool:
        """Whether that session lives and its sign-in was later; refreshes do not count."""
        session = sessions.find("_id", id)
        return session is not None and session.created_at > moment

    def list_sessions(self, user_id: ObjectId, asked: PageRequest, *, actor: Principal) -> Page[Row]:
        """Those that are alive."""
        page = sessions.page(asked, {"user_id": user_id, "expires_at": {"$gt": self.clock()}})
        return replace(page, items=[{**row, "is_current": str(row["_id"]) == actor.session_id} for row in page.items])

    def end_session(self, id: str, *, user_id: ObjectId, actor: Principal) -> Session:
        """Raises: SessionNotFound, also for another user's."""
        now = self.clock()

        def write() -> Session:
            session = sessions.find_own(id, user_id)
            if session is None:
                raise SessionNotFound()
            sessions.remove(session.pk)
            _record("session.ended", session, actor, now)
            return session

        return in_transaction(write, actor=actor)

    def end_sessions(self, user_id: ObjectId, *, actor: Principal) -> int:
        """All of a user's but the one that asks; how many there were. Without any, no entry in the record."""
        return in_transaction(lambda: self.end_others(user_id, actor=actor), actor=actor)

    def end_others(self, user_id: ObjectId, *, actor: Principal) -> int:
        """As `end_sessions`; call it inside a transaction."""
        ended = self.end_silently(user_id, spare=actor.session_id)
        if ended:
            changes = {"ended_sessions": {"before": None, "after": ended}}
            record("session.all_ended", Target("user", str(user_id)), actor=actor, at=self.clock(), changes=changes)
        return ended

    def end_silently(self, user_id: ObjectId, *, spare: str | None = None) -> int:
        """As part of a change that is on record itself; call it inside its transaction."""
        return sessions.remove_of(user_id, spare=spare)

    def _end_family(self, hashes: refresh_tokens.Hashes, *, actor: Principal, at: datetime) -> None:
        """Unless the token is the newest one: then the session has expired by our clock, which may be wrong."""
        session = sessions.find("family", hashes.family)
        if session is None or session.current == hashes.token:
            return
        sessions.remove(session.pk)
        if session.expires_at > at:
            _record("session.reuse_detected", session, actor, at)

    def _use(self, actor: Principal, at: datetime) -> dict[str, Any]:
        agent = actor.origin.user_agent
        return {
            "last_used_at": at,
            "expires_at": at + min(self.lifetime, self.max_age),
            "ip": actor.origin.ip,
            "user_agent": agent[:LONGEST_USER_AGENT] if agent else None,
        }


def _record(action: str, session: Session, actor: Principal, at: datetime) -> None:
    """On the user, who outlives the session."""
    changes = {
        "session": {"before": str(session.pk), "after": None if action != "session.refreshed" else str(session.pk)}
    }
    record(action, Target("user", str(session.user_id)), actor=actor, at=at, changes=changes)
