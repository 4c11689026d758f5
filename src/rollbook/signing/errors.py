"""What can go wrong with signing keys."""

from rollbook.kit.errors import Conflict, Detail, NotReady

SEALED = Detail(
    "secret_key",
    "key_sealed",
    "The signing keys were sealed with another SECRET_KEY: "
    "set that one, or run `rollbook keys rotate --replace-sealed`.",
)


class KeySlotTaken(Conflict):
    code, message = "key_slot_taken", "Another process has just made this key."


def key_sealed() -> NotReady:
    return NotReady(details=[SEALED])
