"""The schemas of metadata over HTTP."""

from typing import Protocol

from flask_restful import Resource

from rollbook.access.guards import current_principal, signed_in
from rollbook.access.permissions import Permission
from rollbook.metadata.schema_file import MetadataSchemas
from rollbook.metadata.schemas import MetadataSchemasOut
from rollbook.metadata.values import KINDS
from rollbook.web.declarations import Reply
from rollbook.web.endpoints import Api, endpoint


class Services(Protocol):
    @property
    def metadata_schemas(self) -> MetadataSchemas: ...


class MetadataSchemaItem(Resource):
    tag = "users"

    def __init__(self, schemas: MetadataSchemas) -> None:
        self.schemas = schemas

    @signed_in
    @endpoint("read_metadata_schemas", "Metadata schemas found.", returns=MetadataSchemasOut)
    def get(self) -> Reply:
        """Read the schemas that metadata has to match (METADATA_SCHEMAS)."""
        shown = {kind: self.schemas.schemas.get(kind, {}) for kind in KINDS}
        if not current_principal().may(Permission.USERS_READ_PRIVATE):
            del shown["private_metadata"]
        return Reply(shown)


def register(api: Api, services: Services) -> None:
    api.add_resource(
        MetadataSchemaItem,
        "/metadata-schemas",
        endpoint="metadata_schemas",
        resource_class_kwargs={"schemas": services.metadata_schemas},
    )
