"""After "Create a user": store the id of the new user as USER_ID."""


def on_response(response, posting):
    if response.status_code == 201:
        posting.set_variable("USER_ID", response.json()["data"]["id"])
