"""The rights of who invites, and what their end, or a purge, ends."""

import pytest

from rollbook.access.principal import COMMAND_LINE
from rollbook.roles.schemas import RoleCreate
from rollbook.users.schemas import UserPatch
from tests import people
from tests.harness.post import read_token
from tests.invitations.requests import ADDRESS, accept, invite, show


def disable(services):
    services.changes.change_user("boss", UserPatch(is_active=False), actor=COMMAND_LINE)


def demote(services):
    services.changes.change_user("boss", UserPatch(role="moderator"), actor=COMMAND_LINE)


def delete(services):
    services.deletion.delete_user("boss", actor=COMMAND_LINE)


def purge(services):
    services.deletion.purge_user("boss", actor=COMMAND_LINE)


@pytest.mark.parametrize("end", [disable, demote, delete, purge])
@pytest.mark.parametrize("role", ["user", "admin"])
def test_inviter_who_could_not_invite_any_more(post, api, boss, stored, end, role):
    people.add(post.services, "root", role="admin", email_verified=True)
    invite(boss, role=role)
    token = read_token(post.deliver_one())
    end(post.services)
    refused = accept(api, token)
    assert (refused.status_code, refused.json["error"]["code"]) == (400, "invalid_token")
    assert stored.users.count_documents({"email_key": ADDRESS}) == 0


def make_recruiter(post, api, *permissions):
    role = RoleCreate(name="recruiter", permissions=["users:invite", *permissions])
    post.services.roles.create_role(role, actor=COMMAND_LINE)
    return people.person(post.services, api, "carol", role="recruiter", email_verified=True)


def test_recruiter_invites_users_only(post, api, boss):
    carol = make_recruiter(post, api)
    assert invite(carol).status_code == 201
    assert invite(carol, email="x@example.com", role="moderator").status_code == 403
    admins = invite(boss, email="y@example.com", role="admin").json["data"]
    assert carol.delete(f"/api/invitations/{admins['id']}").status_code == 403
    assert carol.post(f"/api/invitations/{admins['id']}/resend").status_code == 403


def test_nobody_invites_to_more_than_they_hold(post, api, boss):
    carol = make_recruiter(post, api, "users:set_role")
    refused = invite(carol, role="moderator")
    assert refused.status_code == 403
    assert "roles:read" in refused.json["message"]
    assert invite(carol, role="recruiter").status_code == 201


def test_inviter_loses_the_right_to_a_role(post, api, boss):
    carol = make_recruiter(post, api, "users:set_role")
    invite(carol, role="recruiter")
    token = read_token(post.deliver_one())
    patch = UserPatch(role="user")
    post.services.changes.change_user(carol.id, patch, actor=COMMAND_LINE)
    assert accept(api, token).status_code == 400


def test_role_that_is_deleted_meanwhile(post, api, boss):
    post.services.roles.create_role(RoleCreate(name="guest", permissions=[]), actor=COMMAND_LINE)
    invite(boss, role="guest")
    token = read_token(post.deliver_one())
    post.services.roles.delete_role("guest", actor=COMMAND_LINE)
    assert show(api, token).status_code == 400
    assert accept(api, token).status_code == 400


def test_who_resends_is_the_inviter(post, api, boss, token):
    root = people.person(post.services, api, "root", role="admin", email_verified=True)
    disable(post.services)
    assert show(api, token).status_code == 400
    (pending,) = root.get("/api/invitations").json["data"]
    root.post(f"/api/invitations/{pending['id']}/resend")
    newer = {message["To"]: message for message in post.deliver()}[ADDRESS]
    assert show(api, read_token(newer)).json["data"]["inviter"] == "Root"
    assert accept(api, read_token(newer)).status_code == 201


def test_invitation_that_could_not_be_accepted_is_not_sent(post, boss):
    people.add(post.services, "root", role="admin", email_verified=True)
    invite(boss)
    disable(post.services)
    assert ADDRESS not in [message["To"] for message in post.deliver()]


def test_purge_leaves_no_invitation_with_the_address(post, api, boss, token, stored):
    people.add(post.services, "ada")
    post.services.deletion.purge_user("ada", actor=COMMAND_LINE)
    for name in ("invitations", "one_time_tokens", "mail"):
        assert ADDRESS not in str(list(stored[name].find())), name


def test_purge_of_the_inviter_leaves_other_messages(post, api, boss):
    people.add(post.services, "root", role="admin", email_verified=True)
    people.add(post.services, "ada", email_verified=True)
    invite(boss)
    api.post("/api/auth/password/forgot", json={"email": ADDRESS})
    post.services.deletion.purge_user(boss.id, actor=COMMAND_LINE)
    assert [message["Subject"] for message in post.deliver()] == ["Set a new password"]


def test_purge_of_a_former_owner_leaves_the_invitation(post, api, boss):
    former = people.add(post.services, "ada", email_verified=True)
    post.services.deletion.delete_user(former["id"], actor=COMMAND_LINE)
    post.deliver()
    invite(boss)
    token = read_token(post.deliver_one())
    post.services.deletion.purge_user(former["id"], actor=COMMAND_LINE)
    assert accept(api, token).status_code == 201
