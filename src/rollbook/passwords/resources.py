"""The password policy over HTTP."""

from typing import Protocol

from flask_restful import Resource

from rollbook.access.guards import public
from rollbook.passwords.password_policy import PasswordPolicy
from rollbook.passwords.schemas import PasswordPolicyOut
from rollbook.web.declarations import Reply
from rollbook.web.endpoints import Api, endpoint


class PasswordPolicyItem(Resource):
    tag = "users"

    def __init__(self, policy: PasswordPolicy) -> None:
        self.policy = policy

    @public
    @endpoint("read_password_policy", "Password policy found.", returns=PasswordPolicyOut)
    def get(self) -> Reply:
        """Read what a password has to be."""
        return Reply(self.policy)


class Services(Protocol):
    @property
    def password_policy(self) -> PasswordPolicy: ...


def register(api: Api, services: Services) -> None:
    api.add_resource(
        PasswordPolicyItem,
        "/password-policy",
        endpoint="password_policy",
        resource_class_kwargs={"policy": services.password_policy},
    )
