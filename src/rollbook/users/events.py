"""Events of users, for the features above: they handle them in the same transaction."""

from dataclasses import dataclass

from rollbook.access.principal import Principal
from rollbook.users.documents import User


@dataclass(frozen=True)
class UserCreated:
    """`actor` created the user, or is the user, who registered.

    `is_imported`: the user comes from another system, and has chosen nothing here.
    """

    user: User
    actor: Principal
    is_imported: bool


@dataclass(frozen=True)
class UserChanged:
    """`actor` changed fields of the user, from `before` to `after`."""

    before: User
    after: User
    actor: Principal


@dataclass(frozen=True)
class AddressPending:
    """The user has asked for another address, perhaps again, and has to confirm it."""

    user: User
    actor: Principal


@dataclass(frozen=True)
class UserDeleted:
    """The user can be restored for a while. Their sessions have ended."""

    user: User
    actor: Principal


@dataclass(frozen=True)
class UserPurged:
    """The user is deleted permanently. Delete all data that holds their id or address."""

    user: User
