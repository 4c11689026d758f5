"""After a request for a link: store the token of the new message as LINK_TOKEN."""

import re
import time
from email import message_from_bytes, policy
from pathlib import Path

SECONDS = 2.5
"""A message is sent within two seconds. Until then, an earlier one may be the newest."""


def on_response(response, posting):
    if response.status_code == 202:
        time.sleep(SECONDS)
        messages = list_messages(Path(posting.variables["MAIL_FOLDER"]))
        tokens = [re.search(r"token=(\S+)", message) for message in messages]
        posting.set_variable("LINK_TOKEN", next(token[1] for token in tokens if token))


def list_messages(folder):
    """Return the texts of all messages, the latest first."""
    paths = sorted(folder.glob("*.eml"), key=lambda path: path.stat().st_mtime, reverse=True)
    messages = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in paths]
    return [message.get_body(("plain",)).get_content() for message in messages]
