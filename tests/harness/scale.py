"""The number of rounds of a race test: a fifth by default, all of them in `make races`."""

import os

DIVISOR = 1 if os.environ.get("RACES") == "full" else 5


def rounds(full: int) -> int:
    return full // DIVISOR
