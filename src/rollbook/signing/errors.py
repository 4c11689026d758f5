"""Errors about signing keys."""

from rollbook.kit.errors import Conflict, Detail, NotReady

SEALED = Detail(
    "secret_key",
    "key_sealed",
    "The signing keys were encrypted with another SECRET_KEY. Set that one, or run `rollbook keys "
    "rotate --replace-sealed`.",
)


class KeySlotTaken(Conflict):
    """Two processes created a signing key at the same time. No client gets this."""

    code, message = "key_slot_taken", "Another process has just created this key."


def build_sealed_error() -> NotReady:
    return NotReady(details=[SEALED])
