"""What the idempotency feature stores and replays, without Flask: see `rollbook.idempotency`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class StoredResponse:
    """A response as it was sent.

    `about` is the id of the user that the resource in it belongs to, or the id of the resource.
    It is empty without one.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    about: str = ""


class Attempt(Protocol):
    """The first request with its idempotency key."""

    def complete(self, response: StoredResponse) -> None:
        """Store the response; inside a transaction, as a part of it.

        Raises: KeyInFlight, when another process took the key over.
        """

    def release(self) -> None:
        """Give the key up, so that the next request with it is carried out."""
