"""A model of the protocol of `rollbook.caching`: one worker, and two callers who are revoked.

The cache is the real one. A schedule chooses the next step of the worker, of a revocation or of the
clock; a step that is not chosen for long is a process that hangs. `BREAKS` are changes of the
protocol that a search has to find.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from rollbook.caching.leased_cache import LeasedCache

LEASE = 1
END = 3
"""The model's time stops here, in ticks."""
MAX_LEASES = 2
"""So often the worker begins."""
SESSIONS = ("ada", "bob")
"""Requests read and use Ada's only. The end of Bob's evicts leases at the same time."""
ADA = SESSIONS[0]
BREAKS = (
    "answer without waiting",
    "answer after the eviction",
    "answer while a lease is evicted but not ended",
    "renew an evicted lease",
    "count the lease from the end of its renewal",
    "use the cache without a lease",
    "store what was read before a change",
    "store what was read before the lease",
    "keep the cache when its lease is lost",
    "confirm a barrier before the change",
)


class Revocation(NamedTuple):
    """`waits_for`: the leases that have to confirm it, or to end."""

    phase: str = "not begun"
    waits_for: frozenset[int] = frozenset()
    evicted_at: int = 0


class State(NamedTuple):
    """`live` and `evicted` are the stored leases, `applied` the confirmed barriers.

    `stream` has the events that the worker has not seen. `renewal` and `read` are under way:
    (start, was it accepted), and (generation, was it found).
    """

    time: int = 0
    live: frozenset[int] = frozenset()
    evicted: frozenset[int] = frozenset()
    applied: frozenset[tuple[str, int]] = frozenset()
    stream: tuple[tuple[str, str], ...] | None = None
    lease: int = 0
    follows: bool = False
    renewal: tuple[int, bool | None] | None = None
    read: tuple[int, bool | None] | None = None
    entries: tuple[str, ...] = ()
    valid_until: float = float("-inf")
    generation: int = 0
    revocations: tuple[Revocation, ...] = (Revocation(),) * len(SESSIONS)


class Protocol:
    """The steps that are possible in a state, with one of BREAKS or none."""

    def __init__(self, broken: str | None = None) -> None:
        self.broken = broken

    def list_steps(self, state: State) -> Iterator[State]:
        if state.time < END:
            yield state._replace(time=state.time + 1)
        yield from self._follow(state)
        yield from self._read(state)
        for number, session in enumerate(SESSIONS):
            for changed, revocation in self._revoke(state, session, state.revocations[number]):
                each = list(state.revocations)
                each[number] = revocation
                yield changed._replace(revocations=tuple(each))

    def serves_revoked(self, state: State) -> bool:
        """Return whether a request that begins now uses a session whose end was answered."""
        is_answered = state.revocations[0].phase == "answered"
        return is_answered and self._find(self._open_cache(state), ADA)

    def _follow(self, state: State) -> Iterator[State]:
        """The worker: open a stream, store a lease, renew it, apply events, lose it."""
        if state.stream is None:
            if state.lease < MAX_LEASES:
                yield state._replace(stream=(), lease=state.lease + 1, renewal=None)
            return
        if state.renewal is None:
            yield state._replace(renewal=(state.time, None))
        elif state.renewal[1] is None:
            yield self._send_renewal(state, state.renewal[0])
        else:
            yield self._end_renewal(state, *state.renewal)
        if state.follows and state.stream:
            yield self._apply(state)
        if state.follows:
            yield self._lose_lease(state)

    def _send_renewal(self, state: State, start: int) -> State:
        """MongoDB stores the lease, or renews it unless it is evicted."""
        if not state.follows:
            return state._replace(live=state.live | {state.lease}, renewal=(start, True))
        accepted = state.lease in state.live or self.broken == "renew an evicted lease"
        return state._replace(renewal=(start, accepted))

    def _end_renewal(self, state: State, start: int, accepted: bool | None) -> State:
        if not accepted:
            return self._lose_lease(state)
        if self.broken == "count the lease from the end of its renewal":
            start = state.time
        keeps = ("store what was read before the lease", "keep the cache when its lease is lost")
        begins = not state.follows and self.broken not in keeps

        def change(cache: LeasedCache[str, str]) -> None:
            (cache.begin_lease if begins else cache.extend_lease)(start + LEASE)

        return self._change_cache(state._replace(follows=True, renewal=None), change)

    def _lose_lease(self, state: State) -> State:
        lost = state._replace(follows=False, renewal=None, stream=None)
        if self.broken == "keep the cache when its lease is lost":
            return lost._replace(valid_until=float("-inf"))
        return self._change_cache(lost, lambda cache: cache.end_lease())

    def _apply(self, state: State) -> State:
        assert state.stream
        (kind, session), *rest = state.stream
        state = state._replace(stream=tuple(rest))
        if kind == "barrier":
            return state._replace(applied=state.applied | {(session, state.lease)})
        return self._change_cache(state, lambda cache: cache.drop(session))

    def _read(self, state: State) -> Iterator[State]:
        """Let a request read its session from MongoDB, and store it in the cache."""
        if state.read is None:
            if ADA not in state.entries:
                yield state._replace(read=(state.generation, None))
            return
        generation, found = state.read
        if found is None:
            phase = state.revocations[0].phase
            yield state._replace(read=(generation, phase == "not begun"))
            return
        if self.broken == "store what was read before a change":
            generation = state.generation
        done = state._replace(read=None)
        if not found:
            yield done
            return
        yield self._change_cache(done, lambda cache: cache.store(ADA, ADA, generation=generation))

    def _revoke(
        self, state: State, session: str, revocation: Revocation
    ) -> Iterator[tuple[State, Revocation]]:
        """A revocation: commit, list the leases, wait, evict, wait, answer."""
        if revocation.phase == "not begun":
            events = (
                [("change", ADA), ("barrier", ADA)] if session == ADA else [("barrier", session)]
            )
            if self.broken == "confirm a barrier before the change":
                events.reverse()
            stream = None if state.stream is None else (*state.stream, *events)
            yield state._replace(stream=stream), Revocation("committed")
        elif revocation.phase == "committed":
            leases = state.live | state.evicted
            if self.broken == "answer while a lease is evicted but not ended":
                leases = state.live
            if self.broken == "answer without waiting":
                leases = frozenset()
            yield state, Revocation("waits", leases)
        elif revocation.phase != "answered":
            yield from self._wait(state, session, revocation)

    def _wait(
        self, state: State, session: str, revocation: Revocation
    ) -> Iterator[tuple[State, Revocation]]:
        missing = {n for n in revocation.waits_for if (session, n) not in state.applied}
        if not missing:
            yield state, Revocation("answered")
        elif revocation.phase == "waits":
            evicted = state._replace(live=state.live - missing, evicted=state.evicted | missing)
            yield evicted, Revocation("evicted", frozenset(missing), state.time)
        else:
            ends = revocation.evicted_at + LEASE
            if state.time >= ends or self.broken == "answer after the eviction":
                forgotten = state._replace(evicted=state.evicted - missing)
                yield forgotten, Revocation("answered")

    def _find(self, cache: LeasedCache[str, str], session: str) -> bool:
        if self.broken == "use the cache without a lease":
            return session in cache._entries
        return cache.find(session) is not None

    def _open_cache(self, state: State) -> LeasedCache[str, str]:
        cache = LeasedCache[str, str](elapsed_time=lambda: state.time)
        cache._entries = {session: session for session in state.entries}
        cache._valid_until, cache.generation = state.valid_until, state.generation
        return cache

    def _change_cache(self, state: State, change: Callable[[LeasedCache[str, str]], None]) -> State:
        cache = self._open_cache(state)
        change(cache)
        return state._replace(
            entries=tuple(sorted(cache._entries)),
            valid_until=cache._valid_until,
            generation=cache.generation,
        )


def simplify(state: State) -> State:
    """Make states that differ only in what no step looks at the same one."""
    read = state.read and (0 if state.read[0] == state.generation else -1, state.read[1])
    valid_until = state.valid_until if state.valid_until > state.time else float("-inf")
    return state._replace(generation=0, read=read, valid_until=valid_until)


def search(protocol: Protocol, *, max_states: int) -> tuple[list[State] | None, int]:
    """Search all schedules, the shortest first.

    Returns the states of the first one that serves a revoked session, or None, and how many states
    were seen.
    """
    first = State()
    origins: dict[State, State | None] = {first: None}
    queue = [first]
    for state in queue:
        if protocol.serves_revoked(state):
            path = [state]
            while (previous := origins[path[-1]]) is not None:
                path.append(previous)
            return path[::-1], len(origins)
        for following in map(simplify, protocol.list_steps(state)):
            if following not in origins and len(origins) < max_states:
                origins[following] = state
                queue.append(following)
    return None, len(origins)
