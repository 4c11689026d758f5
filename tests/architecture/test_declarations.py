"""Laws of DAOs, resources and errors; each is seen to catch a violation that is planted for it."""

import ast
import re
from pathlib import Path

from flask_restful import Resource

from rollbook.access.permissions import Permission
from rollbook.kit.errors import AppError
from rollbook.kit.http import endpoint
from rollbook.users.schemas import UserOut

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "rollbook"

QUERYING = re.compile(
    r"\.objects\b|_get_collection\(|\._collection\b|get_db\(|\.(find|insert|update|replace|delete)_(one|many)\b"
    r"|\.find_one_and_|\.bulk_write\(|\.aggregate\(|\.count_documents\(|\.save\("
)
MAY_QUERY = re.compile(r"(^|/)(\w+_)?dao\.py$|^kit/(indexes|paging|validators)\.py$|^migrations/steps/")


def queries_outside_daos(source: Path) -> list[str]:
    return [
        str(path.relative_to(source))
        for path in sorted(source.rglob("*.py"))
        if not MAY_QUERY.search(path.relative_to(source).as_posix()) and QUERYING.search(path.read_text())
    ]


def test_queries_stand_in_daos_only():
    assert queries_outside_daos(SOURCE) == []


def test_a_query_outside_a_dao_is_caught(tmp_path):
    (tmp_path / "users").mkdir()
    (tmp_path / "users" / "dao.py").write_text("User.objects(id=1)")
    (tmp_path / "users" / "service.py").write_text("User.objects(id=1)")
    assert queries_outside_daos(tmp_path) == ["users/service.py"]


def calls_without_session(source: Path) -> list[str]:
    """Calls of the driver in DAOs that do not name the session, and would so slip out of the transaction."""
    verbs = {
        "find",
        "find_one",
        "find_one_and_update",
        "find_one_and_delete",
        "count_documents",
        "aggregate",
        "find_one_and_replace",
        "distinct",
    }
    verbs |= {
        "insert_one",
        "insert_many",
        "update_one",
        "update_many",
        "replace_one",
        "bulk_write",
        "delete_one",
        "delete_many",
    }
    found = []
    for path in [*source.rglob("*dao.py"), *source.rglob("paging.py")]:
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in verbs:
                own = ast.unparse(call.func.value) in ("self", "super()")
                if not own and not any(keyword.arg == "session" for keyword in call.keywords):
                    found.append(f"{path.relative_to(source)}:{call.lineno}")
    return found


def test_every_query_is_part_of_the_open_transaction():
    assert calls_without_session(SOURCE) == []


def test_a_query_that_slips_out_of_the_transaction_is_caught(tmp_path):
    (tmp_path / "dao.py").write_text(
        "self._collection.find_one({})\nUser.objects.find_one({}, session=s())\nx.find({})"
    )
    assert calls_without_session(tmp_path) == ["dao.py:1", "dao.py:3"]


ASKED_BY_SERVICES = {Permission.USERS_SET_ROLE, Permission.USERS_SET_CREDENTIALS, Permission.USERS_PURGE}
ASKED_BY_SERVICES |= {Permission.USERS_OVERRULE}


def unguarded(resources) -> list[str]:
    return [
        f"{resource.__name__}.{method.lower()}"
        for resource in resources
        for method in resource.methods or ()
        if not hasattr(getattr(resource, method.lower()), "access")
    ]


def test_every_resource_method_says_who_may_call_it(make_app):
    views = [getattr(view, "view_class", None) for view in make_app().view_functions.values()]
    resources = [view for view in views if view is not None]
    assert len(resources) > 5
    assert unguarded(resources) == []
    methods = [getattr(resource, method.lower()) for resource in resources for method in resource.methods]
    asked = {method.access.permission for method in methods}
    assert asked == {*Permission, None} - ASKED_BY_SERVICES


def unprotected(methods) -> list[str]:
    """POSTs that would do their work twice, and changes that would overwrite someone else's."""
    faults = []
    for method, declared in methods:
        outside_auth = not declared.operation.startswith(("login", "logout", "refresh"))
        if method == "POST" and outside_auth and not declared.repeatable:
            faults.append(f"{declared.operation} takes no Idempotency-Key")
        if method in ("PUT", "PATCH", "DELETE") and declared.versioned and not declared.conditional:
            faults.append(f"{declared.operation} takes no If-Match")
    return faults


def test_every_post_can_be_repeated_and_every_change_be_made_conditional(make_app):
    views = {getattr(view, "view_class", None) for view in make_app().view_functions.values()} - {None}
    functions = [(method, getattr(view, method.lower())) for view in views for method in view.methods]
    methods = [(method, made.declaration) for method, made in functions if hasattr(made, "declaration")]
    assert {"create_user", "change_user", "delete_role"} <= {declared.operation for _, declared in methods}
    assert unprotected(methods) == []


def test_a_post_and_a_change_without_protection_are_caught():
    class Unsafe(Resource):
        @endpoint("make", "Made.", returns=UserOut, status=201)
        def post(self): ...

        @endpoint("alter", "Altered.", returns=UserOut)
        def patch(self): ...

    methods = [("POST", Unsafe.post.declaration), ("PATCH", Unsafe.patch.declaration)]
    assert unprotected(methods) == ["make takes no Idempotency-Key", "alter takes no If-Match"]


def test_an_unguarded_method_is_caught():
    class Open(Resource):
        def get(self): ...

    assert unguarded([Open]) == ["Open.get"]


def kinds(error=AppError):
    return [error, *(inner for kind in error.__subclasses__() for inner in kinds(kind))]


def faults_of_codes(errors, documented: str) -> list[str]:
    codes = [(error.code, error.status) for error in errors]
    rows = [(code, int(status)) for code, status in re.findall(r"^\| `(\w+)` \| (\d{3}) \|", documented, re.M)]
    names = [code for code, _ in codes]
    return sorted(
        {f"{code} is not unique" for code in names if names.count(code) > 1}
        | {f"{code} is not documented with {status}" for code, status in set(codes) - set(rows)}
        | {f"{code} is documented, but nothing raises it" for code, _ in set(rows) - set(codes)}
    )


def test_error_codes_are_unique_and_documented():
    import rollbook.server  # noqa: F401 - its error counts too

    errors = [kind for kind in kinds() if kind.__module__.startswith("rollbook.")]
    assert faults_of_codes(errors, (ROOT / "docs" / "errors.md").read_text()) == []


def test_a_code_that_is_taken_or_undocumented_is_caught():
    class One(AppError):
        status, code = 404, "one"

    class Other(AppError):
        status, code = 409, "one"

    found = faults_of_codes([One, Other], "| `one` | 404 | x |\n| `two` | 400 | y |")
    assert found == [
        "one is not documented with 409",
        "one is not unique",
        "two is documented, but nothing raises it",
    ]
