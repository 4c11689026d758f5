"""After "Sign in as the admin": keep the token for the requests that follow."""


def on_response(response, posting):
    if response.status_code == 200:
        posting.set_variable("ADMIN_TOKEN", response.json()["data"]["access_token"])
