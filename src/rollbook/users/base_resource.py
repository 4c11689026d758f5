"""What all resources of users share."""

from typing import Protocol

from flask_restful import Resource

from rollbook.users.changes import ChangeService
from rollbook.users.deletion import DeletionService
from rollbook.users.registration import RegistrationService
from rollbook.users.service import UserService
from rollbook.web.declarations import PathParameter

REF = {
    "ref": PathParameter(
        "An id, an e-mail address, a username, `ext:` with an external id, or `me`: the user who "
        "calls.",
        "ada@example.com",
    )
}


class Services(Protocol):
    """What the resources need of `rollbook.services.Services`."""

    @property
    def users(self) -> UserService: ...
    @property
    def registration(self) -> RegistrationService: ...
    @property
    def changes(self) -> ChangeService: ...
    @property
    def deletion(self) -> DeletionService: ...


class UserResource(Resource):
    def __init__(self, services: Services) -> None:
        self.services = services
