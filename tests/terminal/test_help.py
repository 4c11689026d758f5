"""The help of every command."""

import click
import pytest
from click.testing import CliRunner

from rollbook import __version__
from rollbook.cli import commands


def list_groups(group, path=()):
    yield path
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from list_groups(command, (*path, name))


@pytest.mark.parametrize("path", list(list_groups(commands)), ids=" ".join)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_fits_into_80_columns_and_is_not_cut(path, option):
    result = CliRunner().invoke(commands, [*path, option], terminal_width=80)
    assert result.exit_code == 0
    assert "..." not in result.output.replace("[OPTIONS] COMMAND [ARGS]...", "")
    assert max(map(len, result.output.splitlines())) <= 80


def test_version_is_printed():
    result = CliRunner().invoke(commands, ["--version"])
    assert result.output == f"rollbook, version {__version__}\n"


def test_unknown_command_is_a_usage_error():
    assert CliRunner().invoke(commands, ["userz"]).exit_code == 2
