"""The first admin: there before anyone could make one over HTTP."""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pydantic import SecretStr, ValidationError

from rollbook.access.principal import SYSTEM
from rollbook.kit.errors import AppError
from rollbook.roles.built_in import ADMIN
from rollbook.users.dao import users
from rollbook.users.errors import EmailTaken
from rollbook.users.schemas import UserCreate
from rollbook.users.service import UserService

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
        sent = {"name": NAME, "email": email, "password": password, "role": ADMIN}
        try:
            new = UserCreate.model_validate(sent, context=limits)
            accounts.refuse_weak(password.get_secret_value(), new.model_dump())
        except ValidationError as error:
            faults = [f"ADMIN_{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors()]
            raise FirstAdminRefused("\n".join(faults)) from None
        except AppError as error:
            faults = [f"ADMIN_PASSWORD: {detail.message}" for detail in error.details]
            raise FirstAdminRefused("\n".join(faults)) from None
        return cls(accounts, new)

    def is_missing(self) -> bool:
        """Is there no active admin?"""
        return not users.is_active_with(ADMIN)

    def make_up(self) -> str | None:
        """Where there is no admin: make one with the address EMAIL, and return the password, which nobody keeps."""
        if not self.is_missing():
            return None
        password = secrets.token_urlsafe(15)
        sent = {"name": NAME, "email": EMAIL, "password": password, "role": ADMIN}
        new = UserCreate.model_validate(sent, context={"name_max_length": len(NAME)})
        self.accounts.create_user(new, actor=SYSTEM)
        return password

    def ensure(self) -> None:
        """Make the one that settings name, unless there is an admin."""
        if self.new is None or not self.is_missing():
            return
        try:
            self.accounts.create_user(self.new, actor=SYSTEM)
            logger.info("made the first admin, from ADMIN_EMAIL")
        except EmailTaken:
            if self.is_missing():  # Else another process was faster.
                logger.warning("no admin: ADMIN_EMAIL is a user already; run `rollbook users set-role`")
