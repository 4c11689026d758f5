"""Roles over HTTP: what those who have one may do."""

from typing import ClassVar

from flask import url_for
from flask_restful import Resource

from rollbook.access.guards import current_principal, requires
from rollbook.access.permissions import Permission
from rollbook.kit.declarations import PathParameter, Reply
from rollbook.kit.http import Api, endpoint
from rollbook.kit.preconditions import Expected
from rollbook.roles.errors import RoleBuiltIn, RoleInUse, RoleNotFound, RoleTaken
from rollbook.roles.schemas import RoleCreate, RoleOut, RolePut, RoleQuery
from rollbook.roles.service import RoleService


class RoleResource(Resource):
    def __init__(self, roles: RoleService) -> None:
        self.roles = roles


class RoleCollection(RoleResource):
    @requires(Permission.ROLES_WRITE)
    @endpoint(
        "create_role",
        "Role created.",
        body=RoleCreate,
        returns=RoleOut,
        status=201,
        location=lambda role: url_for(".role", name=role["name"]),
        repeatable=True,
        errors=(RoleTaken,),
    )
    def post(self, body: RoleCreate) -> Reply:
        """Create a role.

        Nobody grants a permission that they do not hold.
        """
        return Reply(self.roles.create_role(body, actor=current_principal()))

    @requires(Permission.ROLES_READ)
    @endpoint("list_roles", "Roles listed.", query=RoleQuery, returns=RoleOut, many=True)
    def get(self, query: RoleQuery) -> Reply:
        """List roles, by name."""
        return Reply(self.roles.list_roles(query.page_request()))


class RoleItem(RoleResource):
    path_parameters: ClassVar = {"name": PathParameter("The role's name.", "support")}

    @requires(Permission.ROLES_READ)
    @endpoint("read_role", "Role found.", returns=RoleOut, errors=(RoleNotFound,))
    def get(self, name: str) -> Reply:
        """Read a role."""
        return Reply(self.roles.read_role(name))

    @requires(Permission.ROLES_WRITE)
    @endpoint(
        "put_role", "Role updated.", body=RolePut, returns=RoleOut, conditional=True, errors=(RoleNotFound, RoleBuiltIn)
    )
    def put(self, name: str, body: RolePut, expected: Expected) -> Reply:
        """Replace what a role allows; it holds from the next request on.

        The permissions that are added or taken away must be the caller's own. What an admin may do cannot be
        changed; what `user` allows, everyone may who registers.
        """
        return Reply(self.roles.put_role(name, body, actor=current_principal(), expected=expected))

    @requires(Permission.ROLES_WRITE)
    @endpoint(
        "delete_role",
        "Role deleted.",
        returns=RoleOut,
        status=204,
        conditional=True,
        errors=(RoleNotFound, RoleBuiltIn, RoleInUse),
    )
    def delete(self, name: str, expected: Expected) -> Reply:
        """Delete a role that nobody has."""
        return Reply(self.roles.delete_role(name, actor=current_principal(), expected=expected))


def register(api: Api, roles: RoleService) -> None:
    handed = {"roles": roles}
    api.add_resource(RoleCollection, "/roles", endpoint="roles", resource_class_kwargs=handed)
    api.add_resource(RoleItem, "/roles/<name>", endpoint="role", resource_class_kwargs=handed)
