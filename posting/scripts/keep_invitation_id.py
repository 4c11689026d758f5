"""After "Invite somebody": store the id of the invitation as INVITATION_ID."""


def on_response(response, posting):
    if response.status_code == 201:
        posting.set_variable("INVITATION_ID", response.json()["data"]["id"])
