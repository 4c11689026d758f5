"""Events of sign-ins, for the features above: they handle them in the same transaction."""

from dataclasses import dataclass

from rollbook.access.principal import Principal
from rollbook.users.documents import User


@dataclass(frozen=True)
class SignedInElsewhere:
    """The user has signed in at an address and on a device that they have not used before."""

    user: User
    actor: Principal
