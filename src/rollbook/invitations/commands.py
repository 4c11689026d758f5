"""Invitations on the command line."""

import click

from rollbook.access.principal import COMMAND_LINE
from rollbook.invitations.schemas import InvitationIn
from rollbook.terminal.input import collect_fields, field_options, validate
from rollbook.terminal.opener import Opener


@click.command()
@click.argument("email")
@field_options(InvitationIn, without=("email",))
@click.pass_obj
def invite(opener: Opener, /, email: str, **options: str | None) -> None:
    """Invite somebody by e-mail, who chooses a password."""
    sent = collect_fields(options) | {"email": email}
    with opener.open_services() as services:
        new = validate(InvitationIn, sent, services.length_limits)
        invitation = services.invitations.invite(new, actor=COMMAND_LINE)
    click.echo(f"{invitation.email} is invited; the link is valid for 7 days.")
