"""Who may do what, tried out: every operation of the route table, by everyone, on everyone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from bson import ObjectId
from flask import Flask

from rollbook.access.guards import Access
from rollbook.access.principal import COMMAND_LINE
from rollbook.account.purposes import EMAIL_UNDO, PASSWORD_RESET, SIGN_IN_LINK, VERIFICATION
from rollbook.invitations.schemas import InvitationIn
from rollbook.invitations.service import INVITATION
from rollbook.one_time_tokens.purposes import Purpose
from rollbook.one_time_tokens.service import Address
from rollbook.openapi.examples import build_example
from rollbook.permissions.schemas import PermissionCreate
from rollbook.roles.schemas import RoleCreate
from rollbook.users.field_rules import FieldRule
from rollbook.users.references import get_email_key
from rollbook.users.schemas import FIELD_RULES, UserPatch
from tests import people
from tests.conftest import PASSWORD

CALLERS = ("anonymous", "user", "moderator", "admin")
TARGETS = ("own", "other", "admin")
ROLE = "spare"
NEW_PASSWORD = "another row of long words"

FILES = ("/docs/<file>", "/account/page.css")
EVERYTHING_ON: dict[str, Any] = {
    "auth_required": True,
    "sign_in_links": True,
    "refresh_cookie": True,
    "cors_origins": "https://app.house.org",
}
"""Settings with which every operation is carried out."""
PURPOSES = {
    "confirm_verification": VERIFICATION,
    "reset_password": PASSWORD_RESET,
    "confirm_sign_in_link": SIGN_IN_LINK,
    "undo_email": EMAIL_UNDO,
    "POST /account/undo": EMAIL_UNDO,
    "POST /account/link": SIGN_IN_LINK,
    "POST /account/verify": VERIFICATION,
    "POST /account/reset": PASSWORD_RESET,
    "accept_invitation": INVITATION,
    "POST /account/invitation": INVITATION,
}
"""Operations that need the token of a link."""

Statuses = dict[tuple[Any, str | None], dict[str, int]]
"""(operation or field, whose it is) → status for each caller."""

BODIES: dict[str, dict[str, Any]] = {
    "create_user": {"name": "New", "email": "new@example.com", "password": PASSWORD},
    "change_user": {"name": "Another Name"},
    "update_user": {"name": "Another Name"},
    "delete_user": {},
    "login": {"email": "someone@example.com", "password": PASSWORD},
    "put_role": {"description": "New."},
    "create_role": {"name": "new", "permissions": []},
}
"""Bodies of operations whose example in the API document does not succeed here."""
VALUES: dict[str, Any] = {"password": NEW_PASSWORD, "is_active": False, "role": ROLE}
"""New values of fields whose example in the API document does not change a user here."""
VARIANTS: dict[str, list[dict[str, str]]] = {
    "delete_user": [{"operation": "purge_user", "query": "?purge=true"}],
    "list_users": [{"operation": "list_deleted_users", "query": "?include_deleted=true"}],
}
"""Operations that need another permission with a parameter."""


@dataclass(frozen=True)
class Route:
    """A method of a rule. `operation` is its operationId, or its path if it has none.

    A POST to a page is named `POST <path>`.
    """

    method: str
    rule: str
    operation: str
    access: Access | None = None
    body: Any = None
    query: str = ""

    @property
    def path(self) -> str:
        return re.sub(r"<(?:[^<>:]+:)?(\w+)>", r"{\1}", self.rule) + self.query

    @property
    def has_target(self) -> bool:
        """Does it concern a user: by `{ref}`, or because an item in the path belongs to one?"""
        access = self.access or Access(public=True)
        may_own = access.or_self or not (access.public or access.permission)
        return "{ref}" in self.path or ("{" in self.path and may_own)


def list_routes(app: Flask) -> list[Route]:
    """In the order of the route table. Files count with the page that loads them."""
    found = []
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            function = getattr(getattr(view, "view_class", None), method.lower(), None)
            declared = getattr(function, "declaration", None)
            if rule.rule in FILES:
                continue
            operation = declared.operation if declared else rule.rule
            if method == "POST" and not declared:
                operation = f"POST {rule.rule}"
            access = getattr(function, "access", None)
            route = Route(method, rule.rule, operation, access, declared and declared.body)
            found.append(route)
            found += [replace(route, **variant) for variant in VARIANTS.get(operation, ())]
    return found


def list_mutations(app: Flask) -> list[Route]:
    """All but GET, and introspection, which is a POST that reads (RFC 7662)."""
    routes = [route for route in list_routes(app) if route.method != "GET"]
    return [route for route in routes if route.operation != "introspect"]


class World:
    """Everyone, created again for each attempt, so that no attempt sees what another did."""

    def __init__(self, app: Flask, services: Any, stored: Any) -> None:
        self.client = app.test_client()
        self.services = services
        self.stored = stored
        self.posts = {route.path: route for route in list_routes(app) if route.method == "POST"}

    def attempt(self, route: Route, caller: str, target: str | None) -> int:
        """The status of a request that succeeds for everyone who may make it."""
        who, whom = self.create_people(caller, target)
        path = self.fill_path(route.path, whom)
        if route.operation == "restore_user" and target != "own":
            self.services.deletion.delete_user(whom.id, actor=COMMAND_LINE)
        return self.send(who, route.method, path, self.build_body(route, whom))

    def attempt_field(self, field: str, caller: str, target: str) -> int:
        who, whom = self.create_people(caller, target)
        body = {field: get_new_value(field), "current_password": PASSWORD}
        return self.send(who, "PATCH", f"/api/users/{whom.id}", body)

    def create_people(
        self, caller: str, target: str | None, *, sessions: int = 1
    ) -> tuple[Any, Any]:
        """The caller, None if anonymous, and the user that the request concerns.

        Each of them has so many `sessions`.
        """
        for name in ("users", "sessions", "audit", "invitations"):
            self.stored[name].delete_many({})
        self.stored.roles.delete_many({"name": {"$nin": ["user", "moderator", "admin"]}})
        role = RoleCreate(name=ROLE, permissions=[])
        self.services.roles.create_role(role, actor=COMMAND_LINE)
        people.add(self.services, "first", role="admin")
        who = None
        if caller != "anonymous":
            who = self.create_person("caller", caller, sessions)
        if target == "own":
            return who, who
        roles = {"other": "user", "admin": "admin"}
        name = "whom" if target in roles else "someone"
        return who, self.create_person(name, roles.get(target or "", "user"), sessions)

    def create_person(self, name: str, role: str, sessions: int) -> Any:
        person = people.person(self.services, self.client, name, role=role)
        for _ in range(sessions - 1):
            people.sign_in(self.client, person.email)
        return person

    def fill_path(self, path: str, whom: Any) -> str:
        """Replace every parameter by a value that exists."""
        path = path.replace("{ref}", whom.id)
        while match := re.search(r"\{\w+\}", path):
            collection = path[: match.start() - 1]
            path = path.replace(match[0], self.create_item(collection, whom), 1)
        return path

    def create_item(self, collection: str, whom: Any) -> str:
        """The id of an item in a collection; a new one, which `whom` creates."""
        if collection == "/api/roles":
            return ROLE
        if collection == "/api/permissions":
            new = PermissionCreate(name=f"orders:p{ObjectId()}")
            return str(self.services.permissions.create_permission(new, actor=COMMAND_LINE).name)
        if collection == "/api/auth/sessions":
            query = {"user_id": ObjectId(whom.id)}
            return str(self.stored.sessions.find_one(query)["_id"])
        if collection == "/api/invitations":
            return str(self.invite().pk)
        pattern = collection.replace(whom.id, "{ref}")
        route = self.posts.get(pattern)
        assert route, f"{pattern} has no POST: say in World.create_item how an item is created"
        created = whom.post(collection, json=self.build_body(route, whom))
        assert created.status_code == 201, created.json
        return created.headers["Location"].rpartition("/")[2]

    def build_body(self, route: Route, whom: Any) -> dict[str, Any] | None:
        if route.operation == "refresh":
            return {"refresh_token": whom.signed_in["refresh_token"]}
        if route.operation in PURPOSES:
            body = {"token": self.issue_token(PURPOSES[route.operation], whom)}
            needs_password = PURPOSES[route.operation] in (PASSWORD_RESET, INVITATION)
            return body | ({"password": NEW_PASSWORD} if needs_password else {})
        if route.operation in BODIES:
            return BODIES[route.operation]
        return build_example(route.body) if route.body else None

    def issue_token(self, purpose: Purpose, whom: Any) -> str:
        """The token of a link that `whom` has got, or somebody who is invited."""
        owner, email = ObjectId(whom.id), whom.email
        if purpose is INVITATION:
            invitation = self.invite()
            owner, email = invitation.pk, invitation.email
        address, lifetime = Address(email, get_email_key(email)), purpose.lifetime
        tokens, nonce = self.services.account.tokens, str(ObjectId())
        return tokens.issue(nonce, owner, purpose.name, address=address, lifetime=lifetime)

    def invite(self) -> Any:
        new = InvitationIn(email=f"{ObjectId()}@example.com")
        return self.services.invitations.invite(new, actor=COMMAND_LINE)

    def send(self, who: Any, method: str, path: str, body: dict[str, Any] | None) -> int:
        headers = (who.headers if who else {}) | {"Sec-Fetch-Site": "same-origin"}
        sent = {"data" if path.startswith("/account/") else "json": body} if body else {}
        return int(self.client.open(path, method=method, headers=headers, **sent).status_code)


def list_fields() -> dict[str, FieldRule]:
    """The fields that a change can set."""
    return {name: rule for name, rule in FIELD_RULES.items() if name != "current_password"}


def get_new_value(field: str) -> Any:
    """The example of the field in the API document, unless VALUES has another one."""
    if field in VALUES:
        return VALUES[field]
    schema = UserPatch.model_json_schema()["properties"][field]
    examples = [
        part["examples"][0] for part in [schema, *schema.get("anyOf", ())] if "examples" in part
    ]
    assert examples, f"give {field} an example: Field(examples=[...]) in users/fields.py"
    return examples[0]


def list_cells(routes: list[Route]) -> Iterator[tuple[Route, str, str | None]]:
    for route in routes:
        for target in TARGETS if route.has_target else (None,):
            for caller in CALLERS:
                if not (caller == "anonymous" and target == "own"):
                    yield route, caller, target


def render_page(by_route: Statuses, by_field: Statuses) -> str:
    """docs/authorization.md."""
    head = "| | " + " | ".join(CALLERS) + " |\n" + "|---|" + "---|" * len(CALLERS) + "\n"
    rows = [
        _render_row(f"{r.method} {r.path}" + (f" ({WHOSE[target]})" if target else ""), statuses)
        for (r, target), statuses in by_route.items()
    ]
    fields = [
        _render_row(f"`{field}` ({WHOSE[target]})", statuses)
        for (field, target), statuses in by_field.items()
    ]
    return TEXT.format(routes=head + "\n".join(rows), fields=head + "\n".join(fields))


WHOSE = {"own": "your own", "other": "another user's", "admin": "another admin's"}
TEXT = """# Who may do what

Every operation, tried by every role on every kind of user: the status of a request that succeeds
for everyone who may make it. `tests/access/test_authorization.py` asserts every cell;
`make authorization` writes this page.

{routes}

## Which fields of a user may be changed

PATCH and PUT with one field, and with `current_password` for the caller's own account. Without it,
a change of your own `email` or `password` is a 400; with a wrong one it is a 403.

{fields}
"""


def _render_row(title: str, statuses: dict[str, int]) -> str:
    cells = [str(statuses.get(caller, "")) or " " for caller in CALLERS]
    return f"| {title} | " + " | ".join(cells) + " |"
