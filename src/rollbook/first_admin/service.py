"""Create the first admin, from the settings or with a generated password."""

import logging
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

from pydantic import SecretStr, ValidationError

from rollbook.access.principal import SYSTEM
from rollbook.kit.errors import Detail
from rollbook.kit.validation import render_details
from rollbook.passwords.errors import PasswordRefused, TooBusy
from rollbook.roles.built_in import ADMIN
from rollbook.users.dao import users
from rollbook.users.errors import EmailTaken
from rollbook.users.references import get_email_key
from rollbook.users.registration import RegistrationService
from rollbook.users.schemas import UserCreate

NAME = "Administrator"
EMAIL = "admin@example.com"
MIN_GENERATED_LENGTH = 24
logger = logging.getLogger(__name__)


class FirstAdminRefused(ValueError):
    """A line for each problem with ADMIN_EMAIL and ADMIN_PASSWORD."""


@dataclass(frozen=True)
class FirstAdmin:
    """`new` is None when the settings name no first admin."""

    registration: RegistrationService
    new: UserCreate | None

    @classmethod
    def from_settings(
        cls,
        email: str | None,
        password: SecretStr | None,
        registration: RegistrationService,
        length_limits: Mapping[str, int],
    ) -> Self:
        """Validate the first admin of the settings. Raises: FirstAdminRefused."""
        if email is None or password is None:
            return cls(registration, None)
        sent = _build_admin(email, password, length_limits)
        try:
            new = UserCreate.model_validate(sent, context=length_limits)
            registration.passwords.check_policy(password.get_secret_value(), [new.name, email])
        except ValidationError as error:
            raise FirstAdminRefused(_render_lines(render_details(error))) from None
        except PasswordRefused as error:
            raise FirstAdminRefused(_render_lines(error.details)) from None
        return cls(registration, new)

    def is_missing(self) -> bool:
        """Return whether there is no active admin."""
        return not users.has_active_user(ADMIN)

    def create_default(self, length_limits: Mapping[str, int]) -> str | None:
        """Create an admin with the address EMAIL, and return the password, which is not stored.

        None when there is an admin, or when a user has the address, which is logged.
        """
        if not self.is_missing() or self._is_taken(EMAIL, EMAIL):
            return None
        length = max(MIN_GENERATED_LENGTH, length_limits["min_password_length"])
        password = self._generate_password(length)
        sent = _build_admin(EMAIL, SecretStr(password), length_limits)
        new = UserCreate.model_validate(sent, context=length_limits)
        self.registration.create_user(new, actor=SYSTEM)
        return password

    def ensure(self) -> None:
        """Create the admin of the settings, unless there is one.

        When the hash gate is full, the next attempt does it.
        """
        new = self.new
        if new is None or not self.is_missing() or self._is_taken(new.email, "ADMIN_EMAIL"):
            return
        with suppress(TooBusy, EmailTaken):  # Another process was faster.
            self.registration.create_user(new, actor=SYSTEM)
            logger.info("created the first admin from ADMIN_EMAIL")

    def _is_taken(self, email: str, label: str) -> bool:
        taken = users.find("email_key", get_email_key(email)) is not None
        if taken and self.is_missing():
            _warn_once(label)
        return taken

    def _generate_password(self, length: int) -> str:
        """Generate a random password that the policy accepts."""
        while True:
            password = secrets.token_urlsafe(length)[:length]
            with suppress(PasswordRefused):
                self.registration.passwords.check_policy(password, [NAME, EMAIL])
                return password


def _build_admin(
    email: str, password: SecretStr, length_limits: Mapping[str, int]
) -> dict[str, Any]:
    name = NAME[: length_limits["name_max_length"]]
    sent = {"name": name, "email": email, "password": password, "role": ADMIN}
    return sent | {"email_verified": True}


@cache
def _warn_once(label: str) -> None:
    """Warn once. `label` stands for the address: the log has no e-mail address of a user."""
    logger.warning(
        "no admin: %s belongs to a user who is not one, and who may be somebody else. Create an "
        "admin with another address: `rollbook users create-admin`",
        label,
    )


def _render_lines(details: Iterable[Detail]) -> str:
    return "\n".join(f"ADMIN_{detail.field.upper()}: {detail.message}" for detail in details)
