"""`rollbook mail` on the command line."""

import json

import pytest
from click.testing import CliRunner

from rollbook.access.principal import COMMAND_LINE
from rollbook.cli import commands
from rollbook.invitations.errors import AlreadyInvited
from rollbook.mail.templates import TemplateRefused
from tests import people
from tests.harness.post import read_text
from tests.harness.smtp import smtp_server


def run_error(run, *arguments):
    """The error that a command ends with, which `main` turns into one line."""
    return CliRunner().invoke(commands, arguments).exception


class Here:
    """An opener of the services of this process."""

    def __init__(self, services):
        self._services = services

    def open_services(self):
        return self

    def __enter__(self):
        return self._services

    def __exit__(self, *_): ...


@pytest.fixture
def run(post, stored, monkeypatch):
    monkeypatch.setattr("rollbook.cli.CommandOpener", lambda _: Here(post.services))

    def invoke(*arguments, status=0):
        result = CliRunner().invoke(commands, arguments)
        assert result.exit_code == status, (result.output, result.exception)
        return result.output

    return invoke


def test_messages_are_listed_and_shown(run, post):
    assert "There is no message." in run("mail", "show", status=1)
    user = people.add(post.services, "ada")
    assert "waiting" in run("mail", "list")
    post.deliver()
    (line,) = run("mail", "list").splitlines()[1:]
    assert line.split()[1] == "sent"
    assert user["id"] in line
    shown = run("mail", "show")
    assert "verification" in shown
    assert "https://users.house.org/account/verify?token=" in shown
    assert "\r" not in shown
    (listed,) = json.loads(run("mail", "list", "--json"))
    assert run("mail", "show", listed["id"]) == shown


def test_failed_message_is_retried(run, post, stored):
    people.add(post.services, "ada")
    stored.mail.update_many({}, {"$set": {"state": "failed"}})
    (row,) = stored.mail.find()
    assert "will be sent again" in run("mail", "retry", str(row["_id"]))
    assert len(post.deliver()) == 1
    for other in (str(row["_id"]), "x", "665f1c2ab8e4d90012a3b4c5"):
        run("mail", "retry", other, status=1)


def test_preview_shows_each_language(run, tmp_path):
    page = tmp_path / "preview.html"
    shown = run("mail", "preview", "password_reset", "--language", "de", "--html", str(page))
    assert shown.startswith("Subject: Legen Sie ein neues Passwort fest\n\n")
    assert '<html lang="de">' in page.read_text()
    assert isinstance(run_error(run, "mail", "preview", "unknown"), TemplateRefused)
    unknown = run("mail", "preview", "test", "--language", "it", status=2)
    assert "Choose from en, de, fr, es." in unknown
    nowhere = tmp_path / "missing" / "page.html"
    assert f"{nowhere}: " in run("mail", "preview", "test", "--html", str(nowhere), status=1)


def test_test_message_is_sent_at_once(run, post):
    run("mail", "test", "ada@example.com")
    (path,) = post.folder.glob("*.eml")
    assert b"Subject: Test of rollbook" in path.read_bytes()


def test_refusal_of_a_test_message_is_shown(run, post, make_mail_services, monkeypatch):
    with smtp_server() as mailbox:
        mailbox.replies["RCPT"] = "550 5.1.1 no"
        services = make_mail_services(f"smtp://127.0.0.1:{mailbox.port}")
        monkeypatch.setattr("rollbook.cli.CommandOpener", lambda _: Here(services))
        output = run("mail", "test", "ada@example.com", status=1)
        services.mail.mailer.close()
    assert "not accepted: RCPT TO: 550 5.1.1" in output


def test_users_are_verified_on_the_command_line(run, post, stored):
    people.add(post.services, "ada")
    run("users", "verify", "ada")
    assert stored.users.find_one()["email_verified"] is True
    assert COMMAND_LINE.may("users:set_credentials")


def test_somebody_is_invited(run, post, stored):
    run("users", "invite", "ada@example.com", "--role", "admin", "--name", "Ada Lovelace")
    invitation = stored.invitations.find_one()
    assert (invitation["role"], invitation["name"]) == ("admin", "Ada Lovelace")
    assert "invited_by" not in invitation
    text = read_text(post.deliver_one())
    assert text.startswith("You are invited to rollbook.")
    assert isinstance(run_error(run, "users", "invite", "ada@example.com"), AlreadyInvited)
