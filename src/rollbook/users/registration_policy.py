"""The rules about registering: pure functions, tested as tables."""

from collections.abc import Mapping
from typing import Any

from rollbook.access.permissions import Permission
from rollbook.access.principal import Principal
from rollbook.kit.errors import Forbidden
from rollbook.users.errors import NoAdminYet, RegistrationClosed
from rollbook.users.policy import REGISTRATION_DEFAULTS, Registration


def is_registration(actor: Principal) -> bool:
    """Return whether the users that `actor` creates register themselves.

    Then no administrator vouches for them.
    """
    return not actor.may(Permission.USERS_CREATE)


def require_registration_open(registration: Registration, *, has_admin: bool) -> None:
    """Require that registration is open.

    Without an admin, anyone could register with the address of the future admin.

    Raises: RegistrationClosed, NoAdminYet.
    """
    if registration == "closed":
        raise RegistrationClosed()
    if not has_admin:
        raise NoAdminYet()


def require_plain(fields: Mapping[str, Any]) -> None:
    """Refuse all that a registration does not choose. Raises: Forbidden."""
    chosen = [n for n, default in REGISTRATION_DEFAULTS.items() if fields[n] != default]
    if chosen or fields["id"] is not None:
        name = chosen[0] if chosen else "id"
        raise Forbidden(f"Setting {name} needs the permission {Permission.USERS_CREATE}.")
