"""An API that requires a sign-in, and sends mail into a folder."""

import pytest

from tests import people
from tests.conftest import build_app
from tests.harness.post import read_token
from tests.invitations.requests import invite


@pytest.fixture
def api(database, post_settings, stored):
    return build_app(database, post_settings, auth_required=True).test_client()


@pytest.fixture
def boss(post, api):
    """An admin."""
    return people.person(post.services, api, "boss", role="admin", email_verified=True)


@pytest.fixture
def token(post, boss):
    assert invite(boss, name="Ada Lovelace").status_code == 201
    return read_token(post.deliver_one())
