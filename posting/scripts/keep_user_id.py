"""After "Create a user": keep the new user's id for the requests that follow."""


def on_response(response, posting):
    if response.status_code == 201:
        posting.set_variable("USER_ID", response.json()["data"]["id"])
