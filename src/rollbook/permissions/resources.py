"""Permissions of one's own over HTTP."""

from typing import ClassVar, Protocol

from flask import url_for
from flask_restful import Resource

from rollbook.access.guards import current_principal, requires
from rollbook.access.permissions import Permission
from rollbook.permissions import errors
from rollbook.permissions.schemas import PermissionCreate, PermissionOut, PermissionQuery
from rollbook.permissions.service import PermissionService
from rollbook.web.declarations import PathParameter, Reply
from rollbook.web.endpoints import Api, endpoint


class Services(Protocol):
    @property
    def permissions(self) -> PermissionService: ...


class PermissionResource(Resource):
    tag = "roles"

    def __init__(self, services: Services) -> None:
        self.permissions = services.permissions


class PermissionCollection(PermissionResource):
    @requires(Permission.ROLES_WRITE)
    @endpoint(
        "create_permission",
        "Permission created.",
        body=PermissionCreate,
        returns=PermissionOut,
        status=201,
        location=lambda permission: url_for(".permission", name=permission.name),
        idempotent=True,
        errors=(errors.PermissionTaken, errors.TooManyPermissions),
    )
    def post(self, body: PermissionCreate) -> Reply:
        """Create a permission of your own, such as `orders:read`.

        rollbook gives it to roles, and shows it to your services: in `/auth/me`, by introspection,
        and with TOKEN_CLAIMS in access tokens.
        """
        return Reply(self.permissions.create_permission(body, actor=current_principal()))

    @requires(Permission.ROLES_READ)
    @endpoint(
        "list_permissions",
        "Permissions listed.",
        query=PermissionQuery,
        returns=PermissionOut,
        many=True,
    )
    def get(self, query: PermissionQuery) -> Reply:
        """List the permissions of your own, by name."""
        return Reply(self.permissions.list_permissions(query.page_request()))


class PermissionItem(PermissionResource):
    path_parameters: ClassVar = {"name": PathParameter("The permission's name.", "orders:read")}

    @requires(Permission.ROLES_WRITE)
    @endpoint(
        "delete_permission",
        "Permission deleted.",
        status=204,
        errors=(errors.PermissionNotFound, errors.PermissionInUse),
    )
    def delete(self, name: str) -> Reply:
        """Delete a permission of your own that no role holds."""
        self.permissions.delete_permission(name, actor=current_principal())
        return Reply(None)


def register(api: Api, services: Services) -> None:
    kwargs = {"services": services}
    api.add_resource(
        PermissionCollection, "/permissions", endpoint="permissions", resource_class_kwargs=kwargs
    )
    api.add_resource(
        PermissionItem,
        "/permissions/<name>",
        endpoint="permission",
        resource_class_kwargs=kwargs,
    )
