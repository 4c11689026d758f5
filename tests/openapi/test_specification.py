"""The OpenAPI document is valid, complete, and describes what is served."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from rollbook.openapi.specification import build_specification
from rollbook.web.declarations import Declaration

UNDESCRIBED_ROUTES = {
    *("/openapi.json", "/docs", "/docs/<file>", "/metrics"),
    *(
        "/account/verify",
        "/account/reset",
        "/account/link",
        "/account/undo",
        "/account/invitation",
        "/account/page.css",
    ),
}
"""They serve the document itself, metrics for Prometheus, and pages for people."""


@pytest.fixture
def published(client):
    return json.loads(client.get("/openapi.json").get_data())


@pytest.fixture
def document(published):
    """With references to responses and examples resolved, as a client generator sees it."""
    return published | {"paths": resolve(published, published["paths"])}


LIMITS = {"name_max_length": 1, "min_password_length": 1}


def operations(document):
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def resolve(document, part):
    """Replace references to responses and examples by what they refer to."""
    if isinstance(part, list):
        return [resolve(document, inner) for inner in part]
    if not isinstance(part, dict):
        return part
    kind, _, name = part.get("$ref", "").removeprefix("#/components/").partition("/")
    if kind in ("responses", "examples"):
        return resolve(document, document["components"][kind][name])
    return {key: resolve(document, inner) for key, inner in part.items()}


def examples(part):
    """Every (schema, example) of the contents below `part`."""
    if isinstance(part, dict):
        if "schema" in part:
            if "example" in part:
                yield part["schema"], part["example"]
            yield from (
                (part["schema"], named["value"]) for named in part.get("examples", {}).values()
            )
        for inner in part.values():
            yield from examples(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from examples(inner)


def test_document_is_valid_openapi_3_1(published):
    assert published["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(published).validate()


def test_each_error_response_is_described_once(published):
    responses = [
        response
        for _, _, operation in operations(published)
        for status, response in operation["responses"].items()
        if int(status) >= 400
    ]
    assert all(set(response) == {"$ref"} for response in responses)
    assert len(responses) > 4 * len(published["components"]["responses"])
    assert len(json.dumps(published, indent=2).splitlines()) < 15_000


def find_differences(app):
    """Operations that are only served, or only described."""
    served = {
        (re.sub(r"<(?:[^<>:]+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule not in UNDESCRIBED_ROUTES
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    described = build_specification(app, LIMITS, title="x")
    return served ^ {(path, method) for path, method, _ in operations(described)}


def test_document_has_every_route_and_no_other(make_app):
    assert find_differences(make_app()) == set()


def test_undescribed_route_is_found(make_app):
    app = make_app()
    app.add_url_rule("/hidden/<path:ref>", view_func=lambda ref: ref, methods=["PUT"])
    assert find_differences(app) == {("/hidden/{ref}", "put")}


def test_each_success_has_the_status_that_is_sent(make_app, published):
    declared = {
        method.declaration.operation: method.declaration.status
        for view in make_app().view_functions.values()
        for name in getattr(getattr(view, "view_class", None), "methods", ())
        if hasattr(method := getattr(view.view_class, name.lower()), "declaration")
    }
    for _, _, operation in operations(published):
        status = declared.get(operation["operationId"])
        assert status is None or str(status) in operation["responses"], operation["operationId"]
    assert set(declared.values()) == {200, 201, 202, 204}


BEARER = {"accessToken": []}
SECURITY = (
    [],
    [BEARER],
    [{}, BEARER],
    [BEARER, {"refreshCookie": []}],
    [{"trustedClient": []}],
)


def test_every_operation_is_described_completely(document):
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    tags = {tag["name"] for tag in document["tags"]}
    for path, method, operation in operations(document):
        assert set(operation["tags"]) <= tags
        assert operation["summary"], (path, method)
        assert operation["security"] in SECURITY
        contents = [operation.get("requestBody"), *operation["responses"].values()]
        for content in filter(None, contents):
            assert list(examples(content)) or "content" not in content, (path, method)


def test_every_example_matches_its_schema(document):
    checked = 0
    for schema, example in examples(document["paths"]):
        Draft202012Validator(schema | {"components": document["components"]}).validate(example)
        checked += 1
    assert checked > 100


def test_every_declared_error_is_published(make_app, document):
    for path, method, operation in operations(document):
        declared = _declaration(make_app(), operation["operationId"])
        for error in declared.errors:
            published = operation["responses"][str(error.status)]["content"]["application/json"][
                "examples"
            ]
            assert error.code in published, (path, method)


def _declaration(app, operation) -> Declaration:
    for view in app.view_functions.values():
        resource = getattr(view, "view_class", None)
        for method in getattr(resource, "methods", None) or ():
            declared = getattr(getattr(resource, method.lower()), "declaration", None)
            if declared and declared.operation == operation:
                return declared
    raise AssertionError(operation)


def test_responses_allow_no_additional_fields(document):
    for name, schema in document["components"]["schemas"].items():
        if name not in ("PatchOperation", "IntrospectIn"):  # Their RFCs ignore other members.
            is_object = schema.get("type") == "object"
            assert not is_object or schema["additionalProperties"] is False, name
    assert "password" not in document["components"]["schemas"]["UserOut"]["properties"]


def test_alternatives_are_named_components(document):
    """Generators of clients name what is a component, and number what is not."""
    schemas = document["components"]["schemas"]
    parts = schemas["LoginIn"]["oneOf"] + schemas["RefreshIn"]["oneOf"]
    names = [part["$ref"].rpartition("/")[2] for part in parts]
    assert {name: schemas[name]["required"] for name in names} == {
        "EmailLogin": ["email", "password"],
        "UsernameLogin": ["username", "password"],
        "TokenRefresh": ["refresh_token"],
        "CookieRefresh": ["refresh_cookie"],
    }


def test_only_a_change_can_hide_its_result(document):
    user = document["paths"]["/api/users/{ref}"]
    responses = {method: user[method]["responses"]["200"] for method in ("get", "patch")}
    data = {
        method: response["content"]["application/json"]["schema"]["properties"]["data"]
        for method, response in responses.items()
    }
    assert data["get"] == {"$ref": "#/components/schemas/UserOut"}
    assert data["patch"]["anyOf"][0] == data["get"]


def test_paging_limits_are_published(document):
    parameters = {
        p["name"]: p["schema"] for p in document["paths"]["/api/users"]["get"]["parameters"]
    }
    assert (parameters["page"]["minimum"], parameters["page"]["maximum"]) == (1, 2**63 - 1)
    assert (parameters["page_size"]["minimum"], parameters["page_size"]["maximum"]) == (1, 100)


def test_lengths_come_from_the_settings(make_app):
    client = make_app(name_max_length=77, password_policy="strict").test_client()
    schemas = client.get("/openapi.json").json["components"]["schemas"]
    assert schemas["UserCreate"]["properties"]["name"]["anyOf"][0]["maxLength"] == 77
    assert schemas["UserPatch"]["properties"]["name"]["maxLength"] == 77
    for schema in (schemas["UserCreate"], schemas["UserPatch"]):
        assert schema["properties"]["password"]["minLength"] == 15
    assert "x-bound" not in json.dumps(schemas)


def test_committed_document_is_current():
    """`make openapi` writes it, with the default settings."""
    printed = subprocess.run(
        [sys.executable, "-m", "rollbook", "openapi"],
        capture_output=True,
        check=True,
        cwd="/",
        env={},
    ).stdout
    assert json.loads(Path("docs/openapi.json").read_bytes()) == json.loads(printed)
