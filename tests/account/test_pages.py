"""The pages that links lead to: a GET takes no token, a button does."""

import pytest

from tests import people
from tests.conftest import PASSWORD
from tests.harness.post import read_token

NEW = "another row of long words"


@pytest.fixture
def ada(post, api):
    return people.person(post.services, api, "ada", locale="de-AT")


@pytest.fixture
def verification(post, ada):
    return read_token(post.deliver_one())


def show(api, page, token, **headers):
    return api.get(f"/account/{page}?token={token}", headers=headers)


def test_get_shows_a_button_and_takes_no_token(api, ada, verification):
    for _ in range(3):
        page = show(api, "verify", verification)
        assert page.status_code == 200
        assert 'lang="de"' in page.text
        assert f'value="{verification}"' in page.text
    assert ada.get("/api/auth/me").json["data"]["email_verified_at"] is None


def test_button_verifies_once(api, ada, verification):
    assert api.post("/account/verify", data={"token": verification}).status_code == 200
    assert ada.get("/api/auth/me").json["data"]["email_verified_at"] is not None
    again = api.post("/account/verify", data={"token": verification})
    assert (again.status_code, again.mimetype) == (400, "text/html")
    assert show(api, "verify", verification).status_code == 400


def test_refused_password_leaves_the_link_valid(post, api, ada, verification):
    api.post("/api/auth/password/forgot", json={"email": ada.email})
    token = read_token(post.deliver_one())
    assert 'name="password"' in show(api, "reset", token).text
    refused = api.post("/account/reset", data={"token": token, "password": "short"})
    assert refused.status_code == 400
    assert "Mindestens 8 Zeichen." in refused.text
    assert "short" not in refused.text
    without = api.post("/account/reset", data={"token": token})
    assert (without.status_code, "Wählen Sie ein Passwort." in without.text) == (400, True)
    done = api.post("/account/reset", data={"token": token, "password": NEW})
    assert done.status_code == 200
    assert people.sign_in(api, ada.email, NEW).status_code == 200
    assert people.sign_in(api, ada.email, PASSWORD).status_code == 401
