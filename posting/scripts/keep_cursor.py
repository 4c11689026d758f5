"""After "List users with some fields": store the cursor of the next page as NEXT_CURSOR."""


def on_response(response, posting):
    if response.status_code == 200:
        posting.set_variable("NEXT_CURSOR", response.json()["pagination"]["next_cursor"])
