"""Users on the command line, through the same services as the API."""

from collections.abc import Mapping
from typing import Any

import click

from rollbook.access.principal import COMMAND_LINE
from rollbook.kit.listing import Page, Row
from rollbook.roles.built_in import ADMIN
from rollbook.terminal.input import collect_fields, field_options, read_password, validate
from rollbook.terminal.opener import Opener
from rollbook.terminal.output import Column, json_option, print_item, print_list, read_pages
from rollbook.users.queries import UserQuery
from rollbook.users.schemas import UserCreate, UserListOut, UserOut, UserPatch, Viewer

COLUMNS = (
    Column("ID", lambda user: user.id, 24),
    Column("ROLE", lambda user: user.role, 10),
    Column("STATE", lambda user: "active" if user.is_active else "disabled", 8),
    Column("E-MAIL", lambda user: user.email, 30),
    Column("NAME", lambda user: user.name),
)
VIEWER = Viewer(may_read_private=True)
NOT_OPTIONS = ("email", "password", "current_password")


@click.group()
def users() -> None:
    """Create, list, change and delete users.

    REF is an id, an e-mail address or a username. Passwords are prompted for, or read from standard
    input.
    """


@users.command("create-admin")
@click.argument("email")
@click.option("--name", default="Administrator", show_default=True)
@click.pass_obj
def create_admin(opener: Opener, email: str, name: str) -> None:
    """Create an admin."""
    proven = {"password": read_password(), "email_verified": True}
    sent = {"name": name, "email": email, "role": ADMIN, **proven}
    user = _create(opener, sent)
    click.echo(f"{user.email} is an admin now, with the id {user.pk}.")


@users.command()
@click.argument("email")
@field_options(UserCreate, without=NOT_OPTIONS)
@json_option
@click.pass_obj
def create(opener: Opener, /, email: str, as_json: bool, **options: Any) -> None:
    """Create a user."""
    sent = {**collect_fields(options), "email": email, "password": read_password()}
    print_item(_create(opener, sent), UserOut, as_json=as_json, viewer=VIEWER)


@users.command("list")
@field_options(UserQuery, without=("cursor", "page", "page_size", "fields"))
@json_option
@click.pass_obj
def list_(opener: Opener, /, as_json: bool, **options: Any) -> None:
    """List users, the latest first."""
    query = validate(UserQuery, collect_fields(options) | {"page_size": 100})
    with opener.open_services() as services:

        def read(query: UserQuery) -> Page[Row]:
            request, selection = query.page_request(), query.selection()
            page: Page[Row] = services.users.list_users(request, selection, actor=COMMAND_LINE)
            return page

        print_list(read_pages(query, read), UserListOut, COLUMNS, as_json=as_json, viewer=VIEWER)


@users.command()
@click.argument("ref")
@json_option
@click.pass_obj
def show(opener: Opener, ref: str, as_json: bool) -> None:
    """Show a user."""
    with opener.open_services() as services:
        user = services.users.read_user(ref, actor=COMMAND_LINE)
        print_item(user, UserOut, as_json=as_json, viewer=VIEWER)


@users.command()
@click.argument("ref")
@click.option("--email", help="in any spelling")
@field_options(UserPatch, without=NOT_OPTIONS)
@json_option
@click.pass_obj
def update(opener: Opener, /, ref: str, as_json: bool, **options: Any) -> None:
    """Change fields of a user. An empty value clears one."""
    sent = collect_fields(options)
    if not sent:
        raise click.UsageError("Give at least one field to change.")
    print_item(_change(opener, ref, sent), UserOut, as_json=as_json, viewer=VIEWER)


@users.command("set-role")
@click.argument("ref")
@click.argument("role")
@click.pass_obj
def set_role(opener: Opener, ref: str, role: str) -> None:
    """Give a user another role."""
    _change(opener, ref, {"role": role})
    click.echo(f"{ref} has the role {role} now.")


@users.command("set-password")
@click.argument("ref")
@click.pass_obj
def set_password(opener: Opener, ref: str) -> None:
    """Set a user's password, and end their sessions."""
    _change(opener, ref, {"password": read_password()})
    click.echo(f"{ref} has a new password and is signed out.")


@users.command()
@click.argument("ref")
@click.pass_obj
def verify(opener: Opener, ref: str) -> None:
    """Mark a user's e-mail address as verified."""
    _change(opener, ref, {"email_verified": True})
    click.echo(f"The address of {ref} is verified.")


@users.command()
@click.argument("ref")
@click.pass_obj
def disable(opener: Opener, ref: str) -> None:
    """Sign a user out, and refuse further sign-ins."""
    _change(opener, ref, {"is_active": False})
    click.echo(f"{ref} is disabled and signed out.")


@users.command()
@click.argument("ref")
@click.pass_obj
def enable(opener: Opener, ref: str) -> None:
    """Allow a user to sign in again."""
    _change(opener, ref, {"is_active": True})
    click.echo(f"{ref} can sign in again.")


@users.command()
@click.argument("ref")
@click.option("--purge", is_flag=True, help="for good, also a user who was deleted before")
@click.option("--yes", is_flag=True, help="purge without asking")
@click.pass_obj
def delete(opener: Opener, ref: str, purge: bool, yes: bool) -> None:
    """Delete a user, who can be restored unless purged."""
    if purge and not yes:
        click.confirm(f"Purge {ref}? This cannot be undone", abort=True)
    with opener.open_services() as services:
        deletion = services.deletion
        (deletion.purge_user if purge else deletion.delete_user)(ref, actor=COMMAND_LINE)
    click.echo(f"{ref} is purged." if purge else f"{ref} is deleted and signed out.")


@users.command()
@click.argument("ref")
@json_option
@click.pass_obj
def restore(opener: Opener, ref: str, as_json: bool) -> None:
    """Restore a deleted user."""
    with opener.open_services() as services:
        user = services.deletion.restore_user(ref, actor=COMMAND_LINE)
        print_item(user, UserOut, as_json=as_json, viewer=VIEWER)


def _create(opener: Opener, sent: Mapping[str, Any]) -> Any:
    with opener.open_services() as services:
        new = validate(UserCreate, sent, services.length_limits)
        return services.registration.create_user(new, actor=COMMAND_LINE)


def _change(opener: Opener, ref: str, sent: Mapping[str, Any]) -> Any:
    with opener.open_services() as services:
        patch = validate(UserPatch, sent, services.length_limits)
        return services.changes.change_user(ref, patch, actor=COMMAND_LINE)
