"""Mail in a folder, and what its owner would do: send, read, follow links."""

from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


@dataclass
class Post:
    """The mail folder of a server, and its sender."""

    folder: Path
    services: object

    def deliver(self):
        """Send what is due, and return the new messages, the first first."""
        before = set(self.folder.glob("*.eml"))
        self.services.mail_sender.run()
        new = sorted(set(self.folder.glob("*.eml")) - before)
        return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in new]

    def deliver_one(self):
        (message,) = self.deliver()
        return message


def read_text(message):
    return message.get_body(("plain",)).get_content()


def read_link(message):
    """The link of a message."""
    (link,) = [line for line in read_text(message).splitlines() if line.startswith("http")]
    return link


def read_token(message):
    return parse_qs(urlsplit(read_link(message)).query)["token"][0]
