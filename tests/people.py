"""Users for tests of permissions: create them, sign them in, send requests as them."""

from dataclasses import dataclass
from typing import Any

from rollbook.access.principal import COMMAND_LINE
from rollbook.users.schemas import UserCreate
from tests.conftest import PASSWORD


@dataclass
class Person:
    """A stored user, and a client that sends their access token."""

    id: str
    email: str
    client: Any
    signed_in: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.signed_in['access_token']}"}

    def __getattr__(self, method: str) -> Any:
        """Sends a request as this person: get, post, patch, put, delete."""
        send = getattr(self.client, method)
        return lambda path, **rest: send(
            path, **(rest | {"headers": self.headers | rest.get("headers", {})})
        )


def new(name: str, **fields: Any) -> UserCreate:
    sent = {
        "name": name.title(),
        "email": f"{name}@example.com",
        "username": name,
        "password": PASSWORD,
    }
    return UserCreate.model_validate(
        sent | fields, context={"name_max_length": 30, "min_password_length": 8}
    )


def add(services: Any, name: str, *, role: str = "user", **fields: Any) -> dict[str, Any]:
    """Creates <name>@example.com with the username `name`, without HTTP."""
    user = services.registration.create_user(new(name, role=role, **fields), actor=COMMAND_LINE)
    return {"id": str(user.pk), "email": user.email}


def sign_in(client: Any, email: str, password: str = PASSWORD) -> Any:
    return client.post("/api/auth/login", json={"email": email, "password": password})


def person(services: Any, client: Any, name: str, **fields: Any) -> Person:
    user = add(services, name, **fields)
    return Person(user["id"], user["email"], client, sign_in(client, user["email"]).json["data"])
