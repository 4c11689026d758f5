"""After "Sign in" and "Refresh": keep both tokens for the requests that follow."""


def on_response(response, posting):
    if response.status_code == 200:
        data = response.json()["data"]
        posting.set_variable("ACCESS_TOKEN", data["access_token"])
        posting.set_variable("REFRESH_TOKEN", data["refresh_token"])
