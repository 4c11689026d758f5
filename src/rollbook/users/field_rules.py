"""Who may set a field of a user. `UserPatch` declares a FieldRule for each of its fields."""

from dataclasses import dataclass

from pydantic import BaseModel

from rollbook.access.permissions import Permission
from rollbook.kit.schemas import collect_declared


@dataclass(frozen=True)
class FieldRule:
    """`permission` is needed to set the field; with `by_owner`, users may also set their own.

    A caller who sets a `credential` can sign in as the user, so owners prove who they are.
    `personal` values are removed from the audit log by a purge. A password must not repeat an
    `identifying` one. A field that is not `stored` as it is sent is a secret, or proves something.
    """

    permission: Permission = Permission.USERS_UPDATE
    by_owner: bool = False
    credential: bool = False
    personal: bool = False
    identifying: bool = False
    stored: bool = True


PROFILE = FieldRule(by_owner=True, personal=True)
NAME = FieldRule(by_owner=True, personal=True, identifying=True)
EMAIL = FieldRule(
    Permission.USERS_SET_CREDENTIALS,
    by_owner=True,
    credential=True,
    personal=True,
    identifying=True,
)
PASSWORD = FieldRule(Permission.USERS_SET_CREDENTIALS, by_owner=True, credential=True, stored=False)
ROLE = FieldRule(Permission.USERS_SET_ROLE)
STATE = FieldRule()
VERIFICATION = FieldRule(Permission.USERS_SET_CREDENTIALS)
EXTERNAL_ID = FieldRule(personal=True)
APP_METADATA = FieldRule(personal=True)
PRIVATE_METADATA = FieldRule(Permission.USERS_READ_PRIVATE, personal=True)
PROOF = FieldRule(by_owner=True, stored=False)
"""The current password, which is compared and never set."""


def collect_field_rules(schema: type[BaseModel]) -> dict[str, FieldRule]:
    """Collect the FieldRule of every field. Raises: TypeError, for a field without one."""
    return collect_declared(
        schema,
        FieldRule,
        hint="Nobody may set {schema}.{name}. Declare in users/schemas.py who may: "
        "{name}: Annotated[..., field_rules.PROFILE], or another FieldRule.",
    )
