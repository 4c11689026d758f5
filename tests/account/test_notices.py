"""Messages that tell users what happened to their account."""

import pytest

from rollbook.access.principal import COMMAND_LINE
from rollbook.users.known_devices import MAX_KNOWN_DEVICES, remember_device
from rollbook.users.schemas import UserPatch
from tests import people
from tests.conftest import ADA, PASSWORD, build_app
from tests.harness.post import read_text

ADDRESS = "ada@example.com"
HOME = {"environ_base": {"REMOTE_ADDR": "203.0.113.9"}, "headers": {"User-Agent": "Browser/1"}}
ELSEWHERE = {"environ_base": {"REMOTE_ADDR": "198.51.100.7"}, "headers": {"User-Agent": "Other/2"}}


def sign_in(api, place, password=PASSWORD):
    return api.post("/api/auth/login", json={"email": ADDRESS, "password": password}, **place)


@pytest.fixture
def ada(post, api):
    """A user in German, who has signed in at home."""
    user = people.add(post.services, "ada", email_verified=True, locale="de")
    assert sign_in(api, HOME).status_code == 200
    post.deliver()
    return user


def test_sign_in_from_a_new_address_and_device(post, api, ada, stored):
    assert sign_in(api, ELSEWHERE).status_code == 200
    message = post.deliver_one()
    assert (message["To"], message["Subject"]) == (ADDRESS, "Neue Anmeldung bei Ihrem Konto")
    text = read_text(message)
    assert "198.51.100.7" in text
    assert " UTC" in text
    assert "Other/2" not in text
    assert sign_in(api, ELSEWHERE).status_code == 200
    assert post.deliver() == []


def test_known_address_or_known_device_is_enough(post, api, ada):
    for mixed in (HOME | {"headers": ELSEWHERE["headers"]}, ELSEWHERE | {"headers": {}}):
        sign_in(api, mixed | {"headers": mixed["headers"] or HOME["headers"]})
    assert post.deliver() == []


def test_refused_sign_in_is_no_news(post, api, ada):
    assert sign_in(api, ELSEWHERE, "wrong").status_code == 401
    assert post.deliver() == []


def test_registration_counts_as_the_first_device(post, api):
    people.add(post.services, "root", role="admin", email_verified=True)
    assert api.post("/api/users", json=ADA, **HOME).status_code == 201
    post.deliver()
    sign_in(api, HOME)
    assert post.deliver() == []
    sign_in(api, ELSEWHERE)
    assert post.deliver_one()["Subject"] == "New sign-in to your account"


def test_devices_are_remembered_up_to_a_limit(api, ada, stored):
    known = []
    for number in range(MAX_KNOWN_DEVICES + 5):
        known = remember_device(known, f"Browser/{number}")
    assert len(known) == MAX_KNOWN_DEVICES
    assert remember_device(known, "Browser/14") == known
    assert remember_device([], None) == remember_device([], "")
    assert len(stored.users.find_one({"email_key": ADDRESS})["known_devices"]) == 1
    page = api.get("/api/users/me", headers=bearer(api))
    assert "known_devices" not in page.text


def bearer(api):
    return {"Authorization": f"Bearer {sign_in(api, HOME).json['data']['access_token']}"}


def test_disabled_user_is_told(post, ada):
    changes = post.services.changes
    changes.change_user(ada["id"], UserPatch(is_active=False), actor=COMMAND_LINE)
    message = post.deliver_one()
    assert (message["To"], message["Subject"]) == (ADDRESS, "Ihr Konto wurde gesperrt")
    changes.change_user(ada["id"], UserPatch(is_active=True), actor=COMMAND_LINE)
    assert post.deliver() == []


def test_deleted_user_is_told(post, ada, stored):
    post.services.deletion.delete_user(ada["id"], actor=COMMAND_LINE)
    message = post.deliver_one()
    assert (message["To"], message["Subject"]) == (ADDRESS, "Ihr Konto wurde gelöscht")
    post.services.deletion.purge_user(ada["id"], actor=COMMAND_LINE)
    assert post.deliver() == []
    assert stored.mail.count_documents({"user_id": {"$exists": True}}) == 0


def test_unverified_address_gets_no_notice_of_closure(post, stored):
    """It may be a stranger's."""
    user = people.add(post.services, "ada")
    post.deliver()
    post.services.changes.change_user(user["id"], UserPatch(is_active=False), actor=COMMAND_LINE)
    post.services.deletion.delete_user(user["id"], actor=COMMAND_LINE)
    assert post.deliver() == []


def test_purge_leaves_nothing_to_send(post, ada, stored):
    post.services.deletion.delete_user(ada["id"], actor=COMMAND_LINE)
    post.services.deletion.purge_user(ada["id"], actor=COMMAND_LINE)
    assert post.deliver() == []
    assert ADDRESS not in str(list(stored.mail.find()))


def disable(client, user):
    return client.patch(f"/api/users/{user['id']}", json={"is_active": False})


def delete(client, user):
    return client.delete(f"/api/users/{user['id']}")


def sign_in_elsewhere(client, user):
    return sign_in(client, ELSEWHERE)


def set_password(client, user):
    body = {"password": "another row of long words"}
    return client.patch(f"/api/users/{user['id']}", json=body)


def change_address(client, user):
    return client.patch(f"/api/users/{user['id']}", json={"email": "new@example.com"})


SWITCHES = {
    "notify_account_disabled": disable,
    "notify_account_deleted": delete,
    "notify_new_sign_in": sign_in_elsewhere,
    "notify_password_changed": set_password,
    "notify_email_changed": change_address,
}


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("is_on", [True, False])
def test_each_notice_can_be_switched_off(database, post_settings, post, api, ada, name, is_on):
    changes = {name: is_on, "email_verification": "off", "auth_required": False}
    client = build_app(database, post_settings, **changes).test_client()
    assert SWITCHES[name](client, ada).status_code in (200, 204)
    assert [message["To"] for message in post.deliver()] == [ADDRESS] * is_on
