"""A user's sessions on the command line."""

import click

from rollbook.access.principal import COMMAND_LINE
from rollbook.kit.listing import Page, Row
from rollbook.sessions.schemas import SessionOut, SessionQuery
from rollbook.terminal.opener import Opener
from rollbook.terminal.output import Column, json_option, print_list, read_pages, render_time

COLUMNS = (
    Column("ID", lambda session: session.id, 32),
    Column("SIGNED IN", lambda session: render_time(session.created_at), 20),
    Column("LAST USED", lambda session: render_time(session.last_used_at), 20),
    Column("ADDRESS", lambda session: session.ip, 15),
    Column("USER AGENT", lambda session: session.user_agent),
)


@click.group()
def sessions() -> None:
    """List and end the sessions of a user.

    REF is an id, an e-mail address or a username.
    """


@sessions.command("list")
@click.argument("ref")
@json_option
@click.pass_obj
def list_(opener: Opener, ref: str, as_json: bool) -> None:
    """List a user's sessions, the latest sign-in first."""
    with opener.open_services() as services:

        def read(query: SessionQuery) -> Page[Row]:
            request = query.page_request()
            page: Page[Row] = services.users.list_sessions(ref, request, actor=COMMAND_LINE)
            return page

        rows = read_pages(SessionQuery(page_size=100), read)
        print_list(rows, SessionOut, COLUMNS, as_json=as_json)


@sessions.command()
@click.argument("ref")
@click.pass_obj
def revoke(opener: Opener, ref: str) -> None:
    """Sign a user out everywhere."""
    with opener.open_services() as services:
        services.users.end_sessions(ref, actor=COMMAND_LINE)
    click.echo(f"{ref} is signed out everywhere.")
