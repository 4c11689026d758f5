"""After a page of a list: keep where it goes on."""


def on_response(response, posting):
    if response.status_code == 200:
        posting.set_variable("NEXT_CURSOR", response.json()["pagination"]["next_cursor"])
