"""The first admin: there before anyone could make one over HTTP."""

import logging
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Self

from pydantic import SecretStr, ValidationError

from rollbook.access.principal import SYSTEM
from rollbook.kit.errors import Detail
from rollbook.kit.passwords import TooBusy
from rollbook.kit.requests import details_of
from rollbook.roles.built_in import ADMIN
from rollbook.users.dao import users
from rollbook.users.errors import EmailTaken, PasswordRefused
from rollbook.users.references import email_key
from rollbook.users.schemas import UserCreate
from rollbook.users.service import PERSONAL, UserService

NAME = "Administrator"
EMAIL = "admin@example.com"
logger = logging.getLogger(__name__)


class FirstAdminRefused(ValueError):
    """A line for each of ADMIN_EMAIL and ADMIN_PASSWORD that cannot be used."""


@dataclass(frozen=True)
class FirstAdmin:
    """`new` is None where settings name nobody."""

    accounts: UserService
    new: UserCreate | None

    @classmethod
    def of(
        cls, email: str | None, password: SecretStr | None, accounts: UserService, limits: Mapping[str, int]
    ) -> Self:
        """Raises: FirstAdminRefused."""
        if email is None or password is None:
            return cls(accounts, None)
        sent = {"name": NAME[: limits["name_max_length"]], "email": email, "password": password, "role": ADMIN}
        try:
            new = UserCreate.model_validate(sent, context=limits)
            accounts.refuse_weak(password.get_secret_value(), new.model_dump())
        except ValidationError as error:
            raise FirstAdminRefused(_lines(details_of(error))) from None
        except PasswordRefused as error:
            raise FirstAdminRefused(_lines(error.details)) from None
        return cls(accounts, new)

    def is_missing(self) -> bool:
        """Is there no active admin?"""
        return not users.is_active_with(ADMIN)

    def make_up(self, limits: Mapping[str, int]) -> str | None:
        """Where there is no admin: make one with the address EMAIL, and return the password, which nobody keeps.

        None where there is one, or where EMAIL is a user's already, which is said in the log.
        """
        if not self.is_missing() or self._is_taken(EMAIL, EMAIL):
            return None
        name = NAME[: limits["name_max_length"]]
        password = self._drawn(max(24, limits["least_password_length"]))
        sent = {"name": name, "email": EMAIL, "password": password, "role": ADMIN}
        self.accounts.create_user(UserCreate.model_validate(sent, context=limits), actor=SYSTEM)
        return password

    def ensure(self) -> None:
        """Make the one that settings name, unless there is an admin; with no place to hash, another time."""
        if self.new is None or not self.is_missing() or self._is_taken(self.new.email, "ADMIN_EMAIL"):
            return
        with suppress(TooBusy, EmailTaken):  # Another process was faster.
            self.accounts.create_user(self.new, actor=SYSTEM)
            logger.info("made the first admin, from ADMIN_EMAIL")

    def _is_taken(self, email: str, called: str) -> bool:
        taken = users.find("email_key", email_key(email)) is not None
        if taken and self.is_missing():
            _warn_once(called)
        return taken

    def _drawn(self, length: int) -> str:
        """A password that the policy takes."""
        while True:
            password = secrets.token_urlsafe(length)[:length]
            with suppress(PasswordRefused):
                self.accounts.refuse_weak(password, dict.fromkeys(PERSONAL))
                return password


@cache
def _warn_once(called: str) -> None:
    """By what the address is called: a log holds none that belongs to someone."""
    logger.warning(
        "no admin: %s belongs to a user who is none, and who may not be you. Make an admin with another address: "
        "`rollbook users create-admin`",
        called,
    )


def _lines(details: Iterable[Detail]) -> str:
    return "\n".join(f"ADMIN_{detail.field.upper()}: {detail.message}" for detail in details)
