"""The time of a request reveals nothing about an account, by a paired t-test."""

from functools import partial

import pytest

from rollbook.access.principal import COMMAND_LINE
from rollbook.account.link_requests import LinkRequests
from rollbook.one_time_tokens.service import Address
from rollbook.users.dao import users
from rollbook.users.references import get_email_key
from rollbook.users.schemas import UserPatch
from tests import people
from tests.harness.timing import MAX_T, measure


@pytest.fixture
def client(make_app, post_settings):
    changes = {
        "ratelimit_enabled": True,
        "ratelimit_default": "100000/second",
        "ratelimit_auth": "100000/hour",
        "ratelimit_mail": "100000/hour",
        "sign_in_links": True,
        "link_url": "https://app.house.org/#{token}",
    }
    return make_app(mail_url=post_settings.mail_url, **changes).test_client()


NAMES = ("known", "verified", "disabled", "unknown")


def add_people(services):
    """Somebody for each name but the last."""
    people.add(services, "known")
    people.add(services, "verified", email_verified=True)
    people.add(services, "disabled")
    disabled = UserPatch(is_active=False)
    services.changes.change_user("disabled", disabled, actor=COMMAND_LINE)


@pytest.fixture
def kinds(services, client):
    """A request for each kind of address, by its path."""
    add_people(services)

    def build(path):
        return {name: partial(ask, client, path, f"{name}@example.com") for name in NAMES}

    return build


def ask(client, path, email):
    assert client.post(f"/api/auth/{path}", json={"email": email}).status_code == 202


@pytest.mark.long
@pytest.mark.parametrize("path", ["password/forgot", "verification", "link"])
def test_requests_for_links_take_the_same_time(kinds, path):
    t_values = measure(kinds(path))
    print(t_values)
    assert max(t_values.values()) < MAX_T, t_values


@pytest.mark.long
def test_registrations_take_the_same_time(make_app, post_settings, services):
    changes = {"email_verification": "required", "auth_required": True}
    client = make_app(mail_url=post_settings.mail_url, **changes).test_client()
    people.add(services, "root", role="admin")
    add_people(services)
    t_values = measure({name: partial(register, client, f"{name}@example.com") for name in NAMES})
    print(t_values)
    assert max(t_values.values()) < MAX_T, t_values


@pytest.mark.long
def test_sign_ins_after_a_registration_take_the_same_time(make_app, post_settings, services):
    changes = {"email_verification": "required", "auth_required": True}
    client = make_app(mail_url=post_settings.mail_url, **changes).test_client()
    people.add(services, "root", role="admin")
    people.add(services, "known", email_verified=True)
    for name in ("known", "unknown"):
        register(client, f"{name}@example.com")

    def sign_in(name, password, status):
        assert people.sign_in(client, f"{name}@example.com", password).status_code == status

    for password, status in ((REGISTERED, 403), ("wrong", 401)):
        names = ("known", "unknown")
        t_values = measure({name: partial(sign_in, name, password, status) for name in names})
        print(t_values)
        assert max(t_values.values()) < MAX_T, t_values


REGISTERED = "a row of words of a registration"


def register(client, email):
    body = {"email": email, "password": REGISTERED}
    assert client.post("/api/users", json=body).status_code == 202


@pytest.mark.long
def test_measurement_detects_an_early_token(services, kinds, monkeypatch):
    """Control: a service that looks for the account itself, and issues the token."""
    request = LinkRequests.request
    tokens = services.account.tokens

    def issue_and_request(self, purpose, action, email, *, actor):
        user = users.find("email_key", get_email_key(email))
        if user:
            address, lifetime = Address(user.email, user.email_key), purpose.lifetime
            tokens.issue("nonce", user.pk, purpose.name, address=address, lifetime=lifetime)
        request(self, purpose, action, email, actor=actor)

    monkeypatch.setattr(LinkRequests, "request", issue_and_request)
    both = {name: ask for name, ask in kinds("password/forgot").items() if "known" in name}
    [t] = measure(both).values()
    print(t)
    assert t > MAX_T
