"""What can go wrong with signing keys."""

from rollbook.kit.errors import Conflict, Detail, NotReady


class KeySlotTaken(Conflict):
    code, message = "key_slot_taken", "Another process has just made this key."


class KeySealed(NotReady):
    code, message = "key_sealed", "The signing keys cannot be opened with this SECRET_KEY."
    details = (
        Detail(
            "secret_key",
            "key_sealed",
            "The signing keys were sealed with another SECRET_KEY: "
            "set that one, or run `rollbook keys rotate --replace-sealed`.",
        ),
    )
