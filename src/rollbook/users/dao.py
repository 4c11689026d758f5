"""The only file that queries users."""

from typing import ClassVar

from rollbook.kit.dao import BaseDAO
from rollbook.users.documents import User
from rollbook.users.errors import EmailTaken, UsernameTaken, UserNotFound
from rollbook.users.references import Reference


class UserDAO(BaseDAO[User]):
    document = User
    missing = UserNotFound
    taken: ClassVar = {"email_key": EmailTaken, "username_key": UsernameTaken}
    unlisted = ("password_hash",)

    def get_by(self, reference: Reference) -> User:
        """Raises: UserNotFound."""
        user = self.find(reference.field, reference.value)
        if user is None:
            raise UserNotFound()
        return user


users = UserDAO()
