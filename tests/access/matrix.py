"""Who may do what, tried out: every route of the route table, as everyone, on everyone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from flask import Flask

from rollbook.access.principal import COMMAND_LINE
from tests import people
from tests.conftest import PASSWORD

CALLERS = ("anonymous", "user", "moderator", "admin")
TARGETS = ("own", "other", "admin")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPARE = {"name": "spare", "description": "", "permissions": [], "version": 1, "created_at": NOW, "updated_at": NOW}
OTHER_PASSWORD = "another row of long words"

FIELDS: dict[str, Any] = {
    "name": "Another Name",
    "username": "another",
    "phone": "+442079460958",
    "email": "another@example.com",
    "password": OTHER_PASSWORD,
    "is_active": False,
    "role": "spare",
}
BODIES: dict[str, dict[str, Any]] = {
    "create_user": {"name": "New", "email": "new@example.com", "password": PASSWORD},
    "change_user": {"name": "Another Name"},
    "update_user": {"name": "Another Name"},
    "login": {"email": "someone@example.com", "password": PASSWORD},
    "create_role": {"name": "new", "permissions": []},
    "put_role": {"description": "New."},
}


Statuses = dict[tuple[Any, str | None], dict[str, int]]
"""By what is tried and whose it is, the status for each caller."""


VARIANTS: dict[str, list[dict[str, str]]] = {
    "delete_user": [{"operation": "purge_user", "query": "?purge=true"}],
    "list_users": [{"operation": "list_deleted_users", "query": "?include_deleted=true"}],
}
"""What a parameter makes of an operation, where that needs another permission."""


@dataclass(frozen=True)
class Route:
    """A method of a rule; `operation` is its OpenAPI operation, or its path where it has none."""

    method: str
    rule: str
    operation: str
    query: str = ""

    @property
    def has_target(self) -> bool:
        return "{ref}" in self.path or "{id}" in self.path

    @property
    def path(self) -> str:
        return re.sub(r"<(?:[^<>:]+:)?(\w+)>", r"{\1}", self.rule) + self.query


def routes(app: Flask) -> list[Route]:
    """Of the route table, in its order; Swagger UI's own files count as one."""
    found = []
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            function = getattr(getattr(view, "view_class", None), method.lower(), None)
            declared = getattr(function, "declaration", None)
            if "<path:path>" not in rule.rule and rule.rule != "/docs/":
                found.append(Route(method, rule.rule, declared.operation if declared else rule.rule))
                found += [replace(found[-1], **more) for more in VARIANTS.get(found[-1].operation, ())]
    return found


class World:
    """Everyone, made anew for each try, so that no try sees what another one did."""

    def __init__(self, app: Flask, services: Any, stored: Any) -> None:
        self.client = app.test_client()
        self.services = services
        self.stored = stored

    def tried(self, route: Route, caller: str, target: str | None) -> int:
        """The status of a request that would succeed for whoever may make it."""
        who, whom = self._everyone(caller, target)
        path = route.path
        for part, value in {"{ref}": whom["id"], "{id}": whom["session"], "{name}": "spare"}.items():
            path = path.replace(part, value)
        if route.operation == "restore_user" and target != "own":
            self.services.deletion.delete_user(whom["id"], actor=COMMAND_LINE)
        body = BODIES.get(route.operation)
        if route.operation == "refresh":
            body = {"refresh_token": whom["refresh_token"]}
        return self._send(who, route.method, path, body)

    def tried_field(self, field: str, caller: str, target: str) -> int:
        who, whom = self._everyone(caller, target)
        body = {field: FIELDS[field], "current_password": PASSWORD}
        return self._send(who, "PATCH", f"/api/users/{whom['id']}", body)

    def _everyone(self, caller: str, target: str | None) -> tuple[Any, dict[str, str]]:
        for name in ("users", "sessions", "audit"):
            self.stored[name].delete_many({})
        self.stored.roles.delete_many({"name": {"$nin": ["user", "moderator", "admin"]}})
        self.stored.roles.insert_one(SPARE.copy())
        people.add(self.services, "first", role="admin")
        who = None if caller == "anonymous" else people.person(self.services, self.client, "caller", role=caller)
        whom = {
            "own": lambda: who,
            "other": lambda: people.person(self.services, self.client, "whom"),
            "admin": lambda: people.person(self.services, self.client, "whom", role="admin"),
        }.get(target or "", lambda: people.person(self.services, self.client, "someone"))()
        session = self.stored.sessions.find_one({"user_id": ObjectId(whom.id)})
        return who, {"id": whom.id, "session": str(session["_id"]), "refresh_token": whom.signed_in["refresh_token"]}

    def _send(self, who: Any, method: str, path: str, body: dict[str, Any] | None) -> int:
        headers = who.headers if who else {}
        sent = {"json": body} if body is not None else {}
        return int(self.client.open(path, method=method, headers=headers, **sent).status_code)


def cells(routes: list[Route]) -> Iterator[tuple[Route, str, str | None]]:
    for route in routes:
        for target in TARGETS if route.has_target else (None,):
            for caller in CALLERS:
                if not (caller == "anonymous" and target == "own"):
                    yield route, caller, target


def page(by_route: Statuses, by_field: Statuses) -> str:
    """docs/authorization.md."""
    head = "| | " + " | ".join(CALLERS) + " |\n" + "|---|" + "---|" * len(CALLERS) + "\n"
    rows = [
        _row(f"{route.method} {route.path}" + (f" ({WHOSE[target]})" if target else ""), statuses)
        for (route, target), statuses in by_route.items()
    ]
    fields = [_row(f"`{field}` ({WHOSE[target]})", statuses) for (field, target), statuses in by_field.items()]
    return TEXT.format(routes=head + "\n".join(rows), fields=head + "\n".join(fields))


WHOSE = {"own": "one's own", "other": "another user's", "admin": "another admin's"}
TEXT = """# Who may do what

Every route, tried by everyone on everyone: the status of a request that would succeed for whoever may make it. This
page is written by `tests/access/test_authorization.py`, which asserts every cell; `make authorization` writes it again.

{routes}

## What may be changed of a user

PATCH and PUT with one field, and `current_password` where it is one's own account. Without it one's own `email` and
`password` are a 400, with a wrong one a 403.

{fields}
"""


def _row(title: str, statuses: dict[str, int]) -> str:
    return f"| {title} | " + " | ".join(str(statuses.get(caller, "")) or " " for caller in CALLERS) + " |"
