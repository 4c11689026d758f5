"""The record over HTTP: who did what, and when."""

from flask_restful import Resource

from rollbook.access.guards import current_principal, requires
from rollbook.access.permissions import Permission
from rollbook.audit.schemas import AuditEntryOut, AuditQuery
from rollbook.audit.service import list_entries
from rollbook.kit.declarations import Reply
from rollbook.kit.http import Api, endpoint


class AuditCollection(Resource):
    @requires(Permission.AUDIT_READ, or_self=True)
    @endpoint("list_audit", "Record read.", query=AuditQuery, returns=AuditEntryOut, many=True)
    def get(self, query: AuditQuery) -> Reply:
        """Read the record, the newest entry first.

        With `audit:read` all of it; without, what one did oneself and what happened to oneself, such as failed sign-ins
        and where they came from.
        """
        return Reply(list_entries(query.page_request(), actor=current_principal(), **query.filters()))


def register(api: Api) -> None:
    api.add_resource(AuditCollection, "/audit", endpoint="audit")
