"""Neither a registration nor what follows it tells who has an account."""

from datetime import timedelta

from rollbook.access.principal import COMMAND_LINE
from rollbook.kit import clock
from rollbook.services import build_services
from tests import people
from tests.conftest import build_app
from tests.harness.post import Post, read_token
from tests.registrations.requests import ADA, PROBE, register, verify


def test_owner_of_a_taken_address_is_told(post, api, stored):
    people.add(post.services, "ada", email_verified=True)
    new = register(api, email="bob@example.com", username="bob")
    taken = register(api, email="ADA@example.com", username="other")
    assert new.json == taken.json
    subjects = {message["To"]: message["Subject"] for message in post.deliver()}
    assert subjects == {
        "ada@example.com": "You have an account already",
        "bob@example.com": "Bestätigen Sie Ihre Registrierung",
    }
    assert stored.users.count_documents({}) == 2


def test_sign_in_does_not_tell_who_has_an_account(post, api):
    """The prober registers an address, and signs in with the password of that registration."""
    people.add(post.services, "ada", email_verified=True)
    for address in ("ada@example.com", "nobody@example.com"):
        register(api, email=address, password=PROBE, username=None)
    post.deliver()
    for password, status in ((PROBE, 403), ("wrong", 401)):
        answers = [
            people.sign_in(api, address, password)
            for address in ("ada@example.com", "nobody@example.com")
        ]
        assert [each.status_code for each in answers] == [status] * 2
        assert answers[0].json["error"] == answers[1].json["error"]
    assert people.sign_in(api, "ada@example.com").status_code == 200


def limited(database, required, tmp_path, **changes):
    """An API with limits, and its post."""
    wide = {"ratelimit_auth": "1000/minute", "ratelimit_registration": "1000/minute"}
    settings = required.model_copy(update={"ratelimit_enabled": True, **wide, **changes})
    app = build_app(database, settings)
    return app.test_client(), Post(tmp_path / "mail", build_services(settings))


def test_limit_of_an_account_tells_nothing(database, required, tmp_path, post):
    """Neither the owner's known address, nor that the attempts of the username are used up."""
    api, post = limited(database, required, tmp_path, ratelimit_account="3/minute")
    people.add(post.services, "ada", email_verified=True)
    people.sign_in(api, "ada@example.com")
    people.sign_in(api, "ada@example.com")
    for _ in range(4):
        api.post("/api/auth/login", json={"username": "ada", "password": "wrong"})
    addresses = ("ada@example.com", "nobody@example.com")
    for address in addresses:
        register(api, email=address, password=PROBE, username=None)
    statuses = [[people.sign_in(api, a, PROBE).status_code for a in addresses] for _ in range(5)]
    assert statuses == [[403, 403]] * 3 + [[401, 401]] * 2


def test_end_of_a_registration_tells_nothing(post, api, stored):
    people.add(post.services, "ada", email_verified=True)
    for address in ("ada@example.com", "nobody@example.com"):
        register(api, email=address, username=None)
    post.deliver()
    first, second = [row["expires_at"] for row in stored.registrations.find()]
    assert abs(first - second) < timedelta(seconds=10)
    assert timedelta(hours=23) < first - clock.now() < timedelta(hours=25)


def test_sign_in_with_a_registration_is_not_the_owners(post, api, stored):
    ada = people.add(post.services, "ada", email_verified=True)
    register(api, password=PROBE, username=None)
    people.sign_in(api, ADA["email"], PROBE)
    entry = stored.audit.find_one({"action": "auth.login_failed"})
    assert entry["changes"]["reason"]["after"] == "email_unverified"
    assert entry["target_id"] == str(stored.registrations.find_one()["_id"]) != ada["id"]


def test_username_does_not_tell_who_has_an_account(post, api):
    people.add(post.services, "ada", email_verified=True, username="grace")
    for number, address in enumerate(("ada@example.com", "nobody@example.com")):
        register(api, email=address, username=f"probe-{number}")
        post.deliver()
        again = register(api, email=f"x{number}@example.com", username=f"probe-{number}")
        assert again.status_code == 202


def test_purge_leaves_no_registration_with_the_address(post, api, stored):
    people.add(post.services, "ada", email_verified=True)
    register(api, username="other")
    post.deliver()
    post.services.deletion.purge_user("ada", actor=COMMAND_LINE)
    assert stored.registrations.count_documents({}) == 0
    assert ADA["email"] not in str(list(stored.mail.find()))


def test_purge_of_a_former_owner_leaves_the_next_one_alone(post, api, stored):
    ada = people.add(post.services, "ada", email_verified=True)
    post.services.deletion.delete_user(ada["id"], actor=COMMAND_LINE)
    register(api)
    token = read_token(post.deliver()[-1])
    post.services.deletion.purge_user(ada["id"], actor=COMMAND_LINE)
    assert verify(api, token).status_code == 200


def test_lookalikes_that_wait_together(post, api):
    register(api, username=None)
    register(api, email="\u0430da@example.com", username=None)
    first, second = [read_token(message) for message in post.deliver()]
    assert verify(api, first).status_code == 200
    refused = verify(api, second)
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "email_lookalike")


def test_taken_username_is_refused_for_every_address(post, api):
    people.add(post.services, "ada")
    answers = [register(api, email=f"{name}@example.com") for name in ("ada", "new")]
    assert {each.status_code for each in answers} == {409}
    assert {each.json["error"]["code"] for each in answers} == {"username_taken"}
    assert [message["Subject"] for message in post.deliver()] == ["Confirm your e-mail address"]


def test_lookalike_is_dropped(post, api, stored):
    people.add(post.services, "ada")
    post.deliver()
    register(api, email="аda@example.com", username="other")
    assert post.deliver() == []
    assert stored.users.count_documents({}) == 2


def test_sixth_registration_of_an_address_is_dropped(database, required, tmp_path, post, stored):
    api, post = limited(database, required, tmp_path)
    assert {register(api).status_code for _ in range(6)} == {202}
    assert len(post.deliver()) == 5
