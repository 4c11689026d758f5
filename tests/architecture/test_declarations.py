"""Rules about DAOs, hooks, resources, fields, filters and errors.

Each rule is seen to find a planted violation.
"""

import ast
import importlib
import inspect
import os
import re
from pathlib import Path
from typing import Annotated

import pytest
from flask_restful import Resource
from mongoengine import Document

import rollbook
from rollbook.access.permissions import Permission
from rollbook.database_parts import DOCUMENTS
from rollbook.features import FEATURES
from rollbook.kit.errors import AppError
from rollbook.kit.schemas import In, PageQuery
from rollbook.storage.documents import BaseDocument
from rollbook.storage.transactions import transactional
from rollbook.users import field_rules
from rollbook.users.documents import User
from rollbook.users.field_rules import collect_field_rules
from rollbook.users.filters import Filter, collect_filters
from rollbook.users.queries import FILTERS
from rollbook.users.schemas import UserOut
from rollbook.web.endpoints import endpoint

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "rollbook"

QUERYING = re.compile(
    r"\.objects\b|_get_collection\(|\._collection\b|get_db\(|\.find_one_and_|\.bulk_write\("
    r"|\.(find|insert|update|replace|delete)_(one|many)\b"
    r"|\.aggregate\(|\.count_documents\(|\.save\("
)
MAY_QUERY = re.compile(
    r"(^|/)(\w+_)?dao\.py$|^storage/(connections|indexes|paging|validators)\.py$|^migrations/steps/"
)


def find_queries_outside_daos(source: Path) -> list[str]:
    files = [(path, path.relative_to(source).as_posix()) for path in sorted(source.rglob("*.py"))]
    return [
        name
        for path, name in files
        if not MAY_QUERY.search(name) and QUERYING.search(path.read_text())
    ]


def test_only_daos_query():
    assert find_queries_outside_daos(SOURCE) == []


def test_query_outside_a_dao_is_found(tmp_path):
    (tmp_path / "users").mkdir()
    (tmp_path / "users" / "dao.py").write_text("User.objects(id=1)")
    (tmp_path / "users" / "service.py").write_text("User.objects(id=1)")
    assert find_queries_outside_daos(tmp_path) == ["users/service.py"]


DRIVER_CALLS = {
    *("find", "find_one", "find_one_and_update", "find_one_and_delete", "find_one_and_replace"),
    *("count_documents", "aggregate", "distinct", "insert_one", "insert_many", "update_one"),
    *("update_many", "replace_one", "bulk_write", "delete_one", "delete_many"),
}


def find_calls_without_session(source: Path) -> list[str]:
    """Calls of PyMongo in DAOs that do not name the session, and so leave the transaction."""
    found = []
    for path in [*source.rglob("*dao.py"), *source.rglob("paging.py")]:
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                own = ast.unparse(call.func.value) in ("self", "super()")
                named = any(keyword.arg == "session" for keyword in call.keywords)
                if call.func.attr in DRIVER_CALLS and not own and not named:
                    found.append(f"{path.relative_to(source)}:{call.lineno}")
    return found


def test_every_query_joins_the_open_transaction():
    assert find_calls_without_session(SOURCE) == []


def test_query_outside_the_transaction_is_found(tmp_path):
    (tmp_path / "dao.py").write_text(
        "self._collection.find_one({})\nUser.objects.find_one({}, session=s())\nx.find({})"
    )
    assert find_calls_without_session(tmp_path) == ["dao.py:1", "dao.py:3"]


def test_transactional_method_needs_an_actor():
    with pytest.raises(TypeError, match="needs the keyword argument `actor`"):

        @transactional()
        def write(self): ...

    with pytest.raises(TypeError, match="needs the keyword argument `actor`"):

        @transactional()
        def write_positional(self, actor): ...


HOOKING = re.compile(r"\.(before_request|after_request|errorhandler|register_error_handler)\b")


def find_hooks_elsewhere(source: Path) -> list[str]:
    """Files that install something around requests, and are neither hooks.py nor app.py."""
    files = [path for path in sorted(source.rglob("*.py")) if HOOKING.search(path.read_text())]
    names = [path.relative_to(source).as_posix() for path in files]
    allowed = ("hooks.py", "app.py", "openapi/resources.py")
    return [name for name in names if not name.endswith(allowed)]


def find_wrong_signatures(modules) -> list[str]:
    """`install(app, *, …) -> None` is the only signature."""
    wrong = []
    for module in modules:
        parameters = list(inspect.signature(module.install).parameters.values())
        rest = {parameter.kind for parameter in parameters[1:]}
        if parameters[0].name != "app" or rest - {inspect.Parameter.KEYWORD_ONLY}:
            wrong.append(module.__name__)
    return wrong


def test_hooks_have_one_name_and_one_signature(tmp_path):
    assert find_hooks_elsewhere(SOURCE) == []
    paths = sorted(SOURCE.glob("*/hooks.py"))
    modules = [importlib.import_module(f"rollbook.{path.parent.name}.hooks") for path in paths]
    assert len(modules) == 8
    assert find_wrong_signatures(modules) == []
    (tmp_path / "callers.py").write_text("@app.before_request\ndef f(): ...")
    assert find_hooks_elsewhere(tmp_path) == ["callers.py"]


def test_install_with_positional_arguments_is_found():
    class Planted:
        @staticmethod
        def install(app, blueprint): ...

    assert find_wrong_signatures([Planted]) == ["Planted"]


def find_unregistered(source: Path, features, documents) -> list[str]:
    """Packages with documents or a feature.py that `rollbook.features` does not list."""
    faults = []
    for path in sorted(source.glob("*/documents.py")):
        text = path.read_text()
        classes = set(re.findall(r"^class (\w+)\((?:Base|Versioned)Document\)", text, re.M))
        missing = classes - {document.__name__ for document in documents}
        if path.parent.name != "storage":
            faults += [
                f"add {name} to documents= in {path.parent.name}/feature.py" for name in missing
            ]
    for path in sorted(source.glob("*/feature.py")):
        (name,) = re.findall(r"^(\w+) = Feature\(", path.read_text(), re.M)
        if name not in features:
            faults.append(f"add {name} to FEATURES in src/rollbook/features.py")
    return faults


def test_every_feature_is_registered(tmp_path):
    listed = (SOURCE / "features.py").read_text().partition("FEATURES = (")[2]
    assert find_unregistered(SOURCE, listed, DOCUMENTS) == []
    assert len(FEATURES) == listed.count(",")
    (tmp_path / "planted").mkdir()
    (tmp_path / "planted" / "documents.py").write_text("class Planted(BaseDocument): ...")
    (tmp_path / "planted" / "feature.py").write_text("PLANTED = Feature()")
    assert find_unregistered(tmp_path, listed, DOCUMENTS) == [
        "add Planted to documents= in planted/feature.py",
        "add PLANTED to FEATURES in src/rollbook/features.py",
    ]


CHECKED_BY_SERVICES = {
    Permission.USERS_SET_ROLE,
    Permission.USERS_SET_CREDENTIALS,
    Permission.USERS_PURGE,
    Permission.USERS_OVERRULE,
    Permission.LIMITS_EXEMPT,
    Permission.USERS_IMPORT,
    Permission.USERS_READ_PRIVATE,
}


def list_resources(app) -> list[type[Resource]]:
    views = {getattr(view, "view_class", None) for view in app.view_functions.values()}
    return sorted(views - {None}, key=lambda view: view.__name__)


def list_methods(resources) -> list[tuple[str, object]]:
    return [
        (method, getattr(resource, method.lower()))
        for resource in resources
        for method in resource.methods or ()
    ]


def find_unguarded(resources) -> list[str]:
    return [made.__qualname__ for _, made in list_methods(resources) if not hasattr(made, "access")]


def test_every_resource_method_declares_access(make_app):
    resources = list_resources(make_app())
    assert len(resources) > 5
    assert find_unguarded(resources) == [], "add @requires(...), @signed_in or @public"
    permissions = {made.access.permission for _, made in list_methods(resources)}
    assert permissions == {*Permission, None} - CHECKED_BY_SERVICES


def test_method_without_access_is_found():
    class Open(Resource):
        methods = ("GET",)

        def get(self): ...

    assert find_unguarded([Open])[0].endswith("Open.get")


def find_unprotected(methods) -> list[str]:
    """POSTs that would be repeated, and changes that would overwrite another one."""
    faults = []
    for method, declaration in methods:
        if method == "POST" and not declaration.idempotent:
            faults.append(f"{declaration.operation} takes no Idempotency-Key")
        is_change = method in ("PUT", "PATCH", "DELETE")
        if is_change and declaration.has_etag and not declaration.conditional:
            faults.append(f"{declaration.operation} takes no If-Match")
    return faults


def test_posts_take_keys_and_changes_take_if_match(make_app):
    """POSTs under /auth are left out: a token or a password decides whether they are repeated."""
    app = make_app()
    methods = [
        (method, getattr(view.view_class, method.lower()).declaration)
        for rule in app.url_map.iter_rules()
        if (view := app.view_functions[rule.endpoint]) and hasattr(view, "view_class")
        if not re.match("/(api/auth|oauth)/", rule.rule)
        for method in view.view_class.methods
        if hasattr(getattr(view.view_class, method.lower()), "declaration")
    ]
    assert {"create_user", "change_user", "delete_role"} <= {d.operation for _, d in methods}
    assert find_unprotected(methods) == []


def test_post_and_change_without_protection_are_found():
    class Unsafe(Resource):
        @endpoint("make", "Made.", returns=UserOut, status=201)
        def post(self): ...

        @endpoint("alter", "Altered.", returns=UserOut)
        def patch(self): ...

    methods = [("POST", Unsafe.post.declaration), ("PATCH", Unsafe.patch.declaration)]
    assert find_unprotected(methods) == [
        "make takes no Idempotency-Key",
        "alter takes no If-Match",
    ]


def test_field_without_a_rule_is_found():
    class Patch(In):
        name: Annotated[str, field_rules.NAME]
        locale: str | None = None

    with pytest.raises(TypeError, match=r"Nobody may set Patch\.locale\. Declare in users/schemas"):
        collect_field_rules(Patch)


def test_list_parameter_without_a_filter_is_found():
    class Query(PageQuery):
        locale: str | None = None

    with pytest.raises(TypeError, match=r"Query\.locale would be ignored\. Declare it in users/qu"):
        collect_filters(Query)


def find_filters_without_index(filters: dict[str, Filter], document: type[Document]) -> list[str]:
    """Filters whose index does not exist, or does not begin with their field."""
    specs = {spec["name"]: spec for spec in document._meta["index_specs"]}
    always = {"is_deleted", "is_active"}
    faults = []
    for name, declared in filters.items():
        spec = specs.get(declared.index or "listed_by_created_at", {"fields": [("", 1)]})
        fields = [field for field, _ in spec["fields"] if field not in always]
        if declared.field not in always | {"$or"} and fields[0] != declared.field:
            faults.append(f"{name}: no index {declared.index} in users/documents.py")
    return faults


def test_every_filter_has_its_index():
    assert find_filters_without_index(FILTERS, User) == []
    planted = {"locale": Filter("locale", index="by_locale")}
    assert find_filters_without_index(planted, User) == [
        "locale: no index by_locale in users/documents.py"
    ]


def list_errors(error=AppError):
    return [error, *(each for kind in error.__subclasses__() for each in list_errors(kind))]


def find_code_faults(errors) -> list[str]:
    """Two errors may share a code where they have different statuses, as for a wrong token."""
    pairs = [(error.status, error.code) for error in errors]
    repeated = {f"{pair[1]} is not unique" for pair in pairs if pairs.count(pair) > 1}
    undocumented = {f"{error.__name__} has no docstring" for error in errors if not error.__doc__}
    return sorted(repeated | undocumented)


def render_error_table(errors) -> str:
    """The rows of docs/errors.md: the docstring of each class says when it is raised."""
    rows = sorted({(error.status, error.code, _render_doc(error)) for error in errors})
    return "".join(f"| `{code}` | {status} | {doc} |\n" for status, code, doc in rows)


def _render_doc(error) -> str:
    return " ".join((error.__doc__ or "").split())


@pytest.fixture
def errors():
    return [kind for kind in list_errors() if kind.__module__.startswith("rollbook.")]


def test_error_codes_are_unique_and_explained(errors):
    assert find_code_faults(errors) == []


def test_error_table_is_current(errors):
    page = ROOT / "docs" / "errors.md"
    head, line, rest = page.read_text().partition("|---|---|---|\n")
    tail = rest[rest.index("\n\n") + 1 :]
    expected = head + line + render_error_table(errors) + tail
    if os.environ.get("WRITE_ERRORS"):
        page.write_text(expected)
    assert page.read_text() == expected, "run make errors"


def test_repeated_code_and_missing_docstring_are_found():
    class One(AppError):
        """The first."""

        code = "one"

    class Other(AppError):
        code = "one"

    assert find_code_faults([One, Other]) == ["Other has no docstring", "one is not unique"]


def test_version_is_the_one_of_the_package():
    assert re.fullmatch(r"\d+\.\d+\.\d+", rollbook.__version__)
    assert issubclass(User, BaseDocument)
