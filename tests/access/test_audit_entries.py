"""Every mutating operation of the route table writes exactly one audit entry."""

import pytest
from flask_restful import Resource

from rollbook.access.guards import public
from rollbook.access.principal import COMMAND_LINE
from rollbook.roles.schemas import RoleOut
from rollbook.web.declarations import Reply
from rollbook.web.endpoints import Api, endpoint
from tests.access import matrix

pytestmark = pytest.mark.slow


def count_entries(app, services, stored):
    """Operation → the number of entries that it writes for an admin who succeeds."""
    world = matrix.World(app, services, stored)
    counts = {}
    for route in matrix.list_mutations(app):
        target = "other" if route.has_target else None
        who, whom = world.create_people("admin", target, sessions=2)
        if route.operation == "end_session":
            whom = who
        path = world.fill_path(route.path, whom)
        if route.operation == "restore_user":
            services.deletion.delete_user(whom.id, actor=COMMAND_LINE)
        body = world.build_body(route, whom)
        before = stored.audit.count_documents({})
        status = world.send(who, route.method, path, body)
        assert status < 300, (route.operation, status)
        counts[route.operation] = stored.audit.count_documents({}) - before
    return counts


def find_faults(counts):
    return [f"{name} writes {count} audit entries" for name, count in counts.items() if count != 1]


def test_every_mutation_writes_one_audit_entry(make_app, services, stored):
    counts = count_entries(make_app(**matrix.EVERYTHING_ON), services, stored)
    assert len(counts) > 14
    assert find_faults(counts) == [], "call append_entry once in its @transactional() method"


@pytest.fixture
def silent_app(make_app, stored):
    """An app with an operation that stores a document without an audit entry."""

    class Silent(Resource):
        @public
        @endpoint("create_silently", "Created.", returns=RoleOut, status=204)
        def post(self) -> Reply:
            stored.locks.insert_one({"_id": "silent"})
            return Reply(None)

    app = make_app(**matrix.EVERYTHING_ON)
    Api(app).add_resource(Silent, "/silent")
    return app


@pytest.mark.long
def test_mutation_without_an_entry_is_found(silent_app, services, stored):
    counts = count_entries(silent_app, services, stored)
    assert find_faults(counts) == ["create_silently writes 0 audit entries"]
