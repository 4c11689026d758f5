"""After "Sign in as the admin": store the access token as ADMIN_TOKEN."""


def on_response(response, posting):
    if response.status_code == 200:
        posting.set_variable("ADMIN_TOKEN", response.json()["data"]["access_token"])
