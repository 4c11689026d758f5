"""The audit log on the command line."""

from itertools import islice
from typing import Any

import click

from rollbook.access.principal import COMMAND_LINE
from rollbook.audit.schemas import AuditEntryOut, AuditQuery
from rollbook.audit.service import list_entries
from rollbook.kit.listing import Page, Row
from rollbook.terminal.input import collect_fields, field_options, validate
from rollbook.terminal.opener import Opener
from rollbook.terminal.output import Column, json_option, print_list, read_pages, render_time


def _render_who(who: Any) -> str:
    return f"{who.type} {who.id}" if who.id else str(who.type)


COLUMNS = (
    Column("AT", lambda entry: render_time(entry.at), 20),
    Column("ACTION", lambda entry: entry.action, 26),
    Column("ACTOR", lambda entry: _render_who(entry.actor), 29),
    Column("TARGET", lambda entry: _render_who(entry.target), 29),
    Column("CHANGED", lambda entry: sorted(entry.changes)),
)


@click.group()
def audit() -> None:
    """Read the audit log."""


@audit.command("list")
@field_options(AuditQuery, without=("cursor", "page_size"))
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@json_option
@click.pass_obj
def list_(opener: Opener, /, limit: int, as_json: bool, **options: Any) -> None:
    """List entries, the latest first."""
    query = validate(AuditQuery, collect_fields(options) | {"page_size": min(limit, 100)})

    def read(query: AuditQuery) -> Page[Row]:
        return list_entries(query.page_request(), actor=COMMAND_LINE, **query.filters())

    with opener.open_services():
        rows = islice(read_pages(query, read), limit)
        print_list(rows, AuditEntryOut, COLUMNS, as_json=as_json)
