"""Users and their sessions on the command line: the same use cases, by whoever may run commands here."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import click
from pydantic import BaseModel, ValidationError

from rollbook.access.principal import COMMAND_LINE
from rollbook.kit.errors import ValidationFailed
from rollbook.kit.paging import Row
from rollbook.kit.requests import details_of
from rollbook.roles.built_in import ADMIN
from rollbook.users.retention import Retention
from rollbook.users.schemas import UserCreate, UserPatch, UserQuery
from rollbook.users.service import UserService

Opened = Callable[[], AbstractContextManager[tuple[UserService, Mapping[str, int]]]]
"""Hands out the use cases and the lengths that settings allow, on an open database."""


def users_group(opened: Opened) -> click.Group:
    @click.group()
    def users() -> None:
        """Make, list and change users."""

    @users.command("create-admin")
    @click.argument("email")
    @click.option("--name", default="Administrator", show_default=True)
    def create_admin(email: str, name: str) -> None:
        """Make an admin; the password is asked for, or read from standard input."""
        password = _asked_password()
        with opened() as (accounts, limits):
            sent = {"name": name, "email": email, "password": password, "role": ADMIN}
            user = accounts.create_user(_valid(UserCreate, sent, limits), actor=COMMAND_LINE)
            click.echo(f"{user.email} is an admin now, with the id {user.pk}.")

    @users.command("list")
    def list_() -> None:
        """List all users: id, role, state and e-mail address, the newest first."""
        with opened() as (accounts, _):
            for user in _all(accounts):
                state = "active" if user["is_active"] else "disabled"
                click.echo(f"{user['_id']}\t{user['role']}\t{state}\t{user['email']}")

    @users.command("set-role")
    @click.argument("ref")
    @click.argument("role")
    def set_role(ref: str, role: str) -> None:
        """Give the user REF (id, e-mail address or username) another role."""
        _change(opened, ref, {"role": role}, f"{ref} has the role {role} now.")

    @users.command("set-password")
    @click.argument("ref")
    def set_password(ref: str) -> None:
        """Give the user REF another password, asked for or read from standard input; it ends their sessions."""
        _change(opened, ref, {"password": _asked_password()}, f"{ref} has a new password and is signed out.")

    @users.command("disable")
    @click.argument("ref")
    def disable(ref: str) -> None:
        """Sign the user REF out, and let them in no more."""
        _change(opened, ref, {"is_active": False}, f"{ref} is disabled and signed out.")

    @users.command("enable")
    @click.argument("ref")
    def enable(ref: str) -> None:
        """Let the user REF in again."""
        _change(opened, ref, {"is_active": True}, f"{ref} may sign in again.")

    return users


def sessions_group(opened: Opened) -> click.Group:
    @click.group()
    def sessions() -> None:
        """End sessions."""

    @sessions.command("revoke")
    @click.argument("ref")
    def revoke(ref: str) -> None:
        """Sign the user REF (id, e-mail address or username) out everywhere."""
        with opened() as (accounts, _):
            accounts.end_sessions(ref, actor=COMMAND_LINE)
            click.echo(f"{ref} is signed out everywhere.")

    return sessions


def purge_command(opened: Callable[[], AbstractContextManager[Retention]]) -> click.Command:
    @click.command()
    @click.option("--dry-run", is_flag=True, help="Say who they are, by id, and remove nobody.")
    def purge(dry_run: bool) -> None:
        """Remove for good the users who were deleted longer than RETENTION_DAYS ago."""
        with opened() as retention:
            there = retention.count()
            if dry_run:
                for each in retention.expired():
                    click.echo(each)
                click.echo(f"{there} users would be purged.")
                return
            with click.progressbar(length=there, label="Purging") as bar:
                purged = retention.purge(actor=COMMAND_LINE, tell=bar.update)
            click.echo(f"{purged} users purged.")

    return purge


def _change(opened: Opened, ref: str, sent: dict[str, Any], done: str) -> None:
    with opened() as (accounts, limits):
        accounts.change_user(ref, _valid(UserPatch, sent, limits), actor=COMMAND_LINE)
        click.echo(done)


def _all(accounts: UserService) -> Iterator[Row]:
    query = UserQuery(page_size=100)
    while True:
        page = accounts.list_users(query.page_request(), actor=COMMAND_LINE)
        yield from page.items
        if page.last is None:
            return
        query.goes_on_after(page.last)


def _asked_password() -> str:
    """Never an argument: those are for all to see in the list of processes."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    password = sys.stdin.buffer.readline().decode("utf-8", "replace").rstrip("\r\n")
    if not password:
        raise click.ClickException("There is no password on standard input.")
    return password


def _valid(schema: type[BaseModel], sent: dict[str, Any], limits: Mapping[str, int]) -> Any:
    try:
        return schema.model_validate(sent, context=limits, strict=False)
    except ValidationError as error:
        raise ValidationFailed(details=details_of(error)) from None
