"""Users and their sessions on the command line, through the same services as the API."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

import click
from pydantic import BaseModel, ValidationError

from rollbook.access.principal import COMMAND_LINE
from rollbook.kit.errors import ValidationFailed
from rollbook.kit.listing import Row
from rollbook.kit.validation import render_details
from rollbook.roles.built_in import ADMIN
from rollbook.users.changes import ChangeService
from rollbook.users.registration import RegistrationService
from rollbook.users.schemas import UserCreate, UserPatch, UserQuery
from rollbook.users.service import UserService


class Services(Protocol):
    """What the commands need of `rollbook.services.Services`."""

    @property
    def users(self) -> UserService: ...
    @property
    def registration(self) -> RegistrationService: ...
    @property
    def changes(self) -> ChangeService: ...
    @property
    def length_limits(self) -> Mapping[str, int]: ...


Open = Callable[[], AbstractContextManager[Services]]
"""Opens the database and gives the services on it."""


def build_users_group(open_services: Open) -> click.Group:
    @click.group()
    def users() -> None:
        """Create, list and change users."""

    @users.command("create-admin")
    @click.argument("email")
    @click.option("--name", default="Administrator", show_default=True)
    def create_admin(email: str, name: str) -> None:
        """Create an admin. The password is prompted for, or read from standard input."""
        password = _read_password()
        with open_services() as services:
            sent = {"name": name, "email": email, "password": password, "role": ADMIN}
            new = _validate(UserCreate, sent, services)
            user = services.registration.create_user(new, actor=COMMAND_LINE)
            click.echo(f"{user.email} is an admin now, with the id {user.pk}.")

    @users.command("list")
    def list_() -> None:
        """List all users: id, role, state and e-mail address, the latest first."""
        with open_services() as services:
            for user in _list_all(services.users):
                state = "active" if user["is_active"] else "disabled"
                click.echo(f"{user['_id']}\t{user['role']}\t{state}\t{user['email']}")

    @users.command("set-role")
    @click.argument("ref")
    @click.argument("role")
    def set_role(ref: str, role: str) -> None:
        """Give the user REF (id, e-mail address or username) another role."""
        _change(open_services, ref, {"role": role}, f"{ref} has the role {role} now.")

    @users.command("set-password")
    @click.argument("ref")
    def set_password(ref: str) -> None:
        """Set the password of the user REF, and end their sessions.

        The password is prompted for, or read from standard input.
        """
        done = f"{ref} has a new password and is signed out."
        _change(open_services, ref, {"password": _read_password()}, done)

    @users.command("disable")
    @click.argument("ref")
    def disable(ref: str) -> None:
        """Sign the user REF out, and refuse further sign-ins."""
        done = f"{ref} is disabled and signed out."
        _change(open_services, ref, {"is_active": False}, done)

    @users.command("enable")
    @click.argument("ref")
    def enable(ref: str) -> None:
        """Allow the user REF to sign in again."""
        _change(open_services, ref, {"is_active": True}, f"{ref} can sign in again.")

    return users


def build_sessions_group(open_services: Open) -> click.Group:
    @click.group()
    def sessions() -> None:
        """End sessions."""

    @sessions.command("revoke")
    @click.argument("ref")
    def revoke(ref: str) -> None:
        """Sign the user REF (id, e-mail address or username) out everywhere."""
        with open_services() as services:
            services.users.end_sessions(ref, actor=COMMAND_LINE)
            click.echo(f"{ref} is signed out everywhere.")

    return sessions


def _change(open_services: Open, ref: str, sent: dict[str, Any], done: str) -> None:
    with open_services() as services:
        patch = _validate(UserPatch, sent, services)
        services.changes.change_user(ref, patch, actor=COMMAND_LINE)
        click.echo(done)


def _list_all(users: UserService) -> Iterator[Row]:
    query = UserQuery(page_size=100)
    while True:
        page = users.list_users(query.page_request(), actor=COMMAND_LINE)
        yield from page.items
        if page.end is None:
            return
        query.continue_after(page.end)


def _read_password() -> str:
    """Read a password.

    It is never an argument: everyone on the machine can read the arguments of a process.
    """
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    password = sys.stdin.buffer.readline().decode("utf-8", "replace").rstrip("\r\n")
    if not password:
        raise click.ClickException("There is no password on standard input.")
    return password


def _validate(schema: type[BaseModel], sent: dict[str, Any], services: Services) -> Any:
    try:
        return schema.model_validate(sent, context=services.length_limits, strict=False)
    except ValidationError as error:
        raise ValidationFailed(details=render_details(error)) from None
