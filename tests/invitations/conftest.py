"""An API that requires a sign-in, and sends mail into a folder."""

import pytest

from tests import people
from tests.conftest import build_app


@pytest.fixture
def api(database, post_settings, stored):
    return build_app(database, post_settings, auth_required=True).test_client()


@pytest.fixture
def boss(post, api):
    """An admin."""
    return people.person(post.services, api, "boss", role="admin", email_verified=True)
