"""Roles over HTTP."""

from typing import ClassVar, Protocol

from flask import url_for
from flask_restful import Resource

from rollbook.access.guards import current_principal, requires
from rollbook.access.permissions import Permission
from rollbook.kit.preconditions import Expected
from rollbook.roles.errors import RoleBuiltIn, RoleInUse, RoleNotFound, RoleTaken
from rollbook.roles.schemas import RoleCreate, RoleOut, RolePut, RoleQuery
from rollbook.roles.service import RoleService
from rollbook.web.declarations import PathParameter, Reply
from rollbook.web.endpoints import Api, endpoint


class Services(Protocol):
    @property
    def roles(self) -> RoleService: ...


class RoleResource(Resource):
    def __init__(self, services: Services) -> None:
        self.roles = services.roles


class RoleCollection(RoleResource):
    @requires(Permission.ROLES_WRITE)
    @endpoint(
        "create_role",
        "Role created.",
        body=RoleCreate,
        returns=RoleOut,
        status=201,
        location=lambda role: url_for(".role", name=role["name"]),
        idempotent=True,
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
        "put_role",
        "Role updated.",
        body=RolePut,
        returns=RoleOut,
        conditional=True,
        errors=(RoleNotFound, RoleBuiltIn),
    )
    def put(self, name: str, body: RolePut, expected: Expected) -> Reply:
        """Change what a role allows, from the next request on.

        The caller must hold the permissions that are added or removed. The role admin cannot be
        changed. Everyone who registers gets what the role `user` allows.
        """
        actor = current_principal()
        return Reply(self.roles.put_role(name, body, actor=actor, expected=expected))

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
        """Delete a role that no user has."""
        actor = current_principal()
        return Reply(self.roles.delete_role(name, actor=actor, expected=expected))


def register(api: Api, services: Services) -> None:
    kwargs = {"services": services}
    api.add_resource(RoleCollection, "/roles", endpoint="roles", resource_class_kwargs=kwargs)
    api.add_resource(RoleItem, "/roles/<name>", endpoint="role", resource_class_kwargs=kwargs)
