"""After "Sign in" and "Refresh the tokens": store ACCESS_TOKEN and REFRESH_TOKEN."""


def on_response(response, posting):
    if response.status_code == 200:
        data = response.json()["data"]
        posting.set_variable("ACCESS_TOKEN", data["access_token"])
        posting.set_variable("REFRESH_TOKEN", data["refresh_token"])
