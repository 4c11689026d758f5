"""The cases: what is sent, over how many connections, to which variant of the servers."""

from dataclasses import dataclass

CONNECTIONS = 16


@dataclass(frozen=True)
class Variant:
    """How the servers are configured: log2 of bcrypt's cost, and whether limits are counted."""

    cost: int = 4
    limited: bool = False


@dataclass(frozen=True)
class Case:
    """`load` is the name that peers give to its requests.

    Cases of one `unit` are measured in turns, because they are compared with each other.
    `longer` multiplies the seconds of a measurement: requests that take long need more of them.
    """

    key: str
    title: str
    group: str
    load: str
    connections: int = CONNECTIONS
    variant: Variant = Variant()
    unit: str = ""
    longer: int = 1

    @property
    def full_title(self) -> str:
        """The title, with the number of connections where it is not the usual one."""
        if self.connections == CONNECTIONS:
            return self.title
        return f"{self.title}, {self.connections} connection{'s' * (self.connections > 1)}"


HASHING_CONNECTIONS, SLOW_CONNECTIONS = 8, 4
"""Fewer where passwords are hashed: rollbook answers 503 when a hash would have to wait over 2 s.

They keep two cores busy. The second number is for cost 12.
"""

CASES = [
    Case("read", "read by id", "Reads", "read", unit="read"),
    Case("not-modified", "read by id, not modified (304)", "Reads", "not-modified", unit="read"),
    Case("me", "read `me`", "Reads", "me"),
    Case("list-20", "list of 20", "Lists", "list-20"),
    Case("list-100", "list of 100", "Lists", "list-100"),
    Case("create-4", "create, bcrypt cost 4", "Writes", "create", HASHING_CONNECTIONS),
    Case("update", "update", "Writes", "update"),
    Case("refresh", "refresh", "Sign-in", "refresh"),
    *(
        Case(f"{load}-{count}", title, "Connections", load, count)
        for load, title in (("read", "read by id"), ("me", "read `me`"), ("list-20", "list of 20"))
        for count in (1, 64)
    ),
    Case("limits-off", "read by id, limits off", "Limits", "read-limited", unit="limits"),
    Case(
        *("limits-on", "read by id, limits on", "Limits", "read-limited"),
        variant=Variant(limited=True),
        unit="limits",
    ),
    Case(
        *("sign-in", "sign-in, bcrypt cost 10", "Sign-in", "sign-in", HASHING_CONNECTIONS),
        variant=Variant(cost=10),
        longer=2,
    ),
    Case(
        *("create-12", "create, bcrypt cost 12", "Writes", "create", SLOW_CONNECTIONS),
        variant=Variant(cost=12),
        longer=4,
    ),
]
