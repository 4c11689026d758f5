"""Roles on the command line, through the same services as the API."""

from typing import Any

import click

from rollbook.access.permissions import Permission
from rollbook.access.principal import COMMAND_LINE
from rollbook.kit.listing import Page, Row
from rollbook.roles.schemas import RoleCreate, RoleOut, RolePut, RoleQuery
from rollbook.terminal.input import validate
from rollbook.terminal.opener import Opener
from rollbook.terminal.output import Column, json_option, print_item, print_list, read_pages

COLUMNS = (
    Column("NAME", lambda role: role.name, 20),
    Column("BUILT IN", lambda role: "yes" if role.built_in else "no", 8),
    Column("PERMISSIONS", lambda role: role.permissions),
)
permission_option = click.option(
    "--permission",
    "permissions",
    multiple=True,
    metavar="PERMISSION",
    help=f"may be given several times; one of {', '.join(Permission)}",
)
read_limit_option = click.option(
    "--read-limit",
    metavar="LIMIT",
    help="reads of each user, such as 5000/hour; '' for the default",
)
write_limit_option = click.option(
    "--write-limit",
    metavar="LIMIT",
    help="changes by each user, such as 500/hour; '' for the default",
)
description_option = click.option("--description", help="what its users do")


@click.group()
def roles() -> None:
    """Create, list, change and delete roles."""


@roles.command("list")
@json_option
@click.pass_obj
def list_(opener: Opener, as_json: bool) -> None:
    """List roles by name."""
    with opener.open_services() as services:

        def read(query: RoleQuery) -> Page[Row]:
            page: Page[Row] = services.roles.list_roles(query.page_request())
            return page

        rows = read_pages(RoleQuery(page_size=100), read)
        print_list(rows, RoleOut, COLUMNS, as_json=as_json)


@roles.command()
@click.argument("name")
@json_option
@click.pass_obj
def show(opener: Opener, name: str, as_json: bool) -> None:
    """Show a role."""
    with opener.open_services() as services:
        print_item(services.roles.read_role(name), RoleOut, as_json=as_json)


@roles.command()
@click.argument("name")
@permission_option
@description_option
@read_limit_option
@write_limit_option
@json_option
@click.pass_obj
def create(
    opener: Opener,
    name: str,
    permissions: tuple[str, ...],
    description: str | None,
    read_limit: str | None,
    write_limit: str | None,
    as_json: bool,
) -> None:
    """Create a role."""
    sent = {
        "name": name,
        "permissions": list(permissions),
        "description": description or "",
        "limits": {"read": read_limit or None, "write": write_limit or None},
    }
    new = validate(RoleCreate, sent)
    with opener.open_services() as services:
        print_item(services.roles.create_role(new, actor=COMMAND_LINE), RoleOut, as_json=as_json)


@roles.command()
@click.argument("name")
@permission_option
@description_option
@read_limit_option
@write_limit_option
@json_option
@click.pass_obj
def update(
    opener: Opener,
    name: str,
    permissions: tuple[str, ...],
    description: str | None,
    read_limit: str | None,
    write_limit: str | None,
    as_json: bool,
) -> None:
    """Change a role. `--permission ''` removes all permissions."""
    sent: dict[str, Any] = {}
    if permissions:
        sent["permissions"] = [each for each in permissions if each]
    if description is not None:
        sent["description"] = description
    limits = {"read": read_limit, "write": write_limit}
    changed = {name: limit or None for name, limit in limits.items() if limit is not None}
    with opener.open_services() as services:
        if changed:
            stored = services.roles.read_role(name)["limits"]
            sent["limits"] = {**dict.fromkeys(limits), **stored, **changed}
        put = validate(RolePut, sent)
        role = services.roles.put_role(name, put, actor=COMMAND_LINE)
        print_item(role, RoleOut, as_json=as_json)


@roles.command()
@click.argument("name")
@click.pass_obj
def delete(opener: Opener, name: str) -> None:
    """Delete a role that nobody has."""
    with opener.open_services() as services:
        services.roles.delete_role(name, actor=COMMAND_LINE)
    click.echo(f"The role {name} is deleted.")
