"""An API with EMAIL_VERIFICATION=required, which sends mail into a folder."""

import pytest

from rollbook.services import build_services
from rollbook.settings import Settings
from tests import people
from tests.conftest import build_app
from tests.harness.post import Post


@pytest.fixture
def required(post_settings):
    changes = {"email_verification": "required", "auth_required": True}
    return Settings.model_validate(post_settings.model_dump() | changes)


@pytest.fixture
def post(required, tmp_path, stored):
    """With an admin, without whom nobody may register."""
    post = Post(tmp_path / "mail", build_services(required))
    people.add(post.services, "root", role="admin", email_verified=True)
    return post


@pytest.fixture
def api(database, required, post):
    return build_app(database, required).test_client()
