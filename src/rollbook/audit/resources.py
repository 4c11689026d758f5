"""The audit log over HTTP."""

from flask_restful import Resource

from rollbook.access.guards import current_principal, requires
from rollbook.access.permissions import Permission
from rollbook.audit.schemas import AuditEntryOut, AuditQuery
from rollbook.audit.service import list_entries
from rollbook.web.declarations import Reply
from rollbook.web.endpoints import Api, endpoint


class AuditCollection(Resource):
    @requires(Permission.AUDIT_READ, or_self=True)
    @endpoint("list_audit", "Audit log read.", query=AuditQuery, returns=AuditEntryOut, many=True)
    def get(self, query: AuditQuery) -> Reply:
        """Read the audit log, the latest entry first.

        With `audit:read` all of it. Without it, what you did yourself and what happened to your
        account, such as failed sign-ins and where they came from.
        """
        actor, filters = current_principal(), query.filters()
        return Reply(list_entries(query.page_request(), actor=actor, **filters))


def register(api: Api, services: object) -> None:  # noqa: ARG001 - every feature has it
    api.add_resource(AuditCollection, "/audit", endpoint="audit")
