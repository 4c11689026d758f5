"""Mail on the command line."""

from pathlib import Path

import click
from bson import ObjectId
from bson.errors import InvalidId

from rollbook.access.principal import COMMAND_LINE
from rollbook.mail.errors import Deferred, MessageNotFound, Refused
from rollbook.mail.schemas import MessageOut, MessageQuery
from rollbook.terminal.input import validate
from rollbook.terminal.opener import Opener
from rollbook.terminal.output import (
    Column,
    json_option,
    print_item,
    print_list,
    read_pages,
    render_time,
)

COLUMNS = (
    Column("ID", lambda message: message.id, 24),
    Column("STATE", lambda message: message.state, 7),
    Column("CREATED", lambda message: render_time(message.created_at), 20),
    Column("KIND", lambda message: message.kind, 16),
    Column("USER", lambda message: message.user_id or message.email, 24),
    Column("REASON", lambda message: message.reason),
)


@click.group()
def mail() -> None:
    """List, read and try messages."""


@mail.command("list")
@json_option
@click.pass_obj
def list_(opener: Opener, as_json: bool) -> None:
    """List messages of the last days, the latest first."""
    query = validate(MessageQuery, {"page_size": 100})
    with opener.open_services() as services:
        pages = read_pages(query, lambda query: services.mail.list_messages(query.page_request()))
        print_list(pages, MessageOut, COLUMNS, as_json=as_json)


@mail.command()
@click.argument("id", required=False)
@json_option
@click.pass_obj
def show(opener: Opener, id: str | None, as_json: bool) -> None:
    """Show a message, or the latest one.

    The text is shown when MAIL_URL is a folder.
    """
    with opener.open_services() as services:
        if id is None:
            page = services.mail.list_messages(MessageQuery(page_size=1).page_request())
            if not page.items:
                raise click.ClickException("There is no message.")
            message = services.mail.get_message(page.items[0]["_id"])
        else:
            message = services.mail.get_message(_parse_id(id))
        print_item(message, MessageOut, as_json=as_json)
        text = services.mail.read_text(message.pk)
        if text and not as_json:
            click.echo(f"\n{text}", nl=False)


@mail.command()
@click.argument("id")
@click.pass_obj
def retry(opener: Opener, id: str) -> None:
    """Send a failed message again."""
    with opener.open_services() as services:
        services.mail.retry(_parse_id(id), actor=COMMAND_LINE)
    click.echo(f"{id} will be sent again.")


@mail.command()
@click.argument("address")
@click.pass_obj
def test(opener: Opener, address: str) -> None:
    """Send a message to ADDRESS now."""
    with opener.open_services() as services:
        try:
            services.mail.send_test(address)
        except (Deferred, Refused) as error:
            raise click.ClickException(f"The message was not accepted: {error}") from None
    click.echo("The message was accepted.")


@mail.command()
@click.argument("kind")
@click.option("--language", help="one of MAIL_LANGUAGES; by default the first")
@click.option("--html", type=click.Path(path_type=Path), help="write the HTML into this file")
@click.pass_obj
def preview(opener: Opener, kind: str, language: str | None, html: Path | None) -> None:
    """Show what a message looks like.

    KIND is test, or that of a message in `rollbook mail list`.
    """
    with opener.open_services() as services:
        templates = services.mail.mailer.templates
        if language and language not in templates.languages:
            raise click.BadParameter(f"Choose from {', '.join(templates.languages)}.")
        content = templates.preview(kind, language or templates.languages[0])
    click.echo(f"Subject: {content.subject}\n\n{content.text}", nl=False)
    if html:
        try:
            html.write_text(content.html, "utf-8")
        except OSError as error:
            raise click.ClickException(f"{html}: {error.strerror}") from None


def _parse_id(id: str) -> ObjectId:
    try:
        return ObjectId(id)
    except InvalidId:
        raise MessageNotFound() from None
