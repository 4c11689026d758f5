"""Who is there in tests about who may do what: one of each role, and their tokens."""

from dataclasses import dataclass
from typing import Any

from rollbook.access.principal import COMMAND_LINE
from rollbook.users.schemas import UserCreate
from tests.conftest import PASSWORD


@dataclass
class Person:
    """A user that is stored, and a client that carries their token."""

    id: str
    email: str
    client: Any
    signed_in: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.signed_in['access_token']}"}

    def __getattr__(self, method: str) -> Any:
        """get, post, patch, put, delete: as this person."""
        send = getattr(self.client, method)
        return lambda path, **rest: send(path, **(rest | {"headers": self.headers | rest.get("headers", {})}))


def new(name: str, **fields: Any) -> UserCreate:
    sent = {"name": name.title(), "email": f"{name}@example.com", "username": name, "password": PASSWORD}
    return UserCreate.model_validate(sent | fields, context={"name_max_length": 30, "least_password_length": 8})


def add(services: Any, name: str, *, role: str = "user", **fields: Any) -> dict[str, Any]:
    """A user, made without HTTP; their e-mail address is <name>@example.com, their username the name."""
    user = services.users.create_user(new(name, role=role, **fields), actor=COMMAND_LINE)
    return {"id": str(user.pk), "email": user.email}


def sign_in(client: Any, email: str, password: str = PASSWORD) -> Any:
    return client.post("/api/auth/login", json={"email": email, "password": password})


def person(services: Any, client: Any, name: str, **fields: Any) -> Person:
    user = add(services, name, **fields)
    return Person(user["id"], user["email"], client, sign_in(client, user["email"]).json["data"])
