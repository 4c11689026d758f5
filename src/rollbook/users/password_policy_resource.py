"""The password policy over HTTP."""

from flask_restful import Resource

from rollbook.access.guards import public
from rollbook.kit.declarations import Reply
from rollbook.kit.http import Api, endpoint
from rollbook.users.password_policy import PasswordPolicy
from rollbook.users.schemas import PasswordPolicyOut


class PasswordPolicyItem(Resource):
    def __init__(self, policy: PasswordPolicy) -> None:
        self.policy = policy

    @public
    @endpoint("read_password_policy", "Password policy found.", returns=PasswordPolicyOut)
    def get(self) -> Reply:
        """Read what a password has to be."""
        return Reply(self.policy)


def register(api: Api, policy: PasswordPolicy) -> None:
    handed = {"policy": policy}
    api.add_resource(PasswordPolicyItem, "/password-policy", endpoint="password_policy", resource_class_kwargs=handed)
