"""The published document: valid, whole, and the same as what is served."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from rollbook.kit.http import Declaration
from rollbook.openapi.specification import specification

UNDESCRIBED = {"/openapi.json", "/docs", "/docs/", "/docs/<path:path>"}
"""What serves the document itself."""


@pytest.fixture
def document(client):
    return json.loads(client.get("/openapi.json").get_data())


def operations(document):
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def examples(part):
    """Every (schema, example) of the contents below `part`."""
    if isinstance(part, dict):
        if "schema" in part:
            if "example" in part:
                yield part["schema"], part["example"]
            yield from ((part["schema"], named["value"]) for named in part.get("examples", {}).values())
        for inner in part.values():
            yield from examples(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from examples(inner)


def test_the_document_is_valid_openapi_3_1(document):
    assert document["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(document).validate()


def differing(app):
    """Methods of paths that are served and not described, or described and not served."""
    served = {
        (re.sub(r"<(?:[^<>:]+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule not in UNDESCRIBED
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    described = specification(app, {"name_max_length": 1, "least_password_length": 1})
    return served ^ {(path, method) for path, method, _ in operations(described)}


def test_every_route_is_in_the_document_and_nothing_else(make_app):
    assert differing(make_app()) == set()


def test_a_route_that_is_not_described_is_caught(make_app):
    app = make_app()
    app.add_url_rule("/hidden/<path:ref>", view_func=lambda ref: ref, methods=["PUT"])
    assert differing(app) == {("/hidden/{ref}", "put")}


def test_every_operation_has_an_id_a_tag_a_summary_security_and_examples(document):
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    tags = {tag["name"] for tag in document["tags"]}
    for path, method, operation in operations(document):
        assert set(operation["tags"]) <= tags
        assert operation["summary"], (path, method)
        assert operation["security"] in ([], [{"accessToken": []}], [{}, {"accessToken": []}])
        contents = [operation.get("requestBody"), *operation["responses"].values()]
        for content in filter(None, contents):
            assert list(examples(content)) or "content" not in content, (path, method)


def test_every_example_is_what_its_schema_says(document):
    checked = 0
    for schema, example in examples(document["paths"]):
        Draft202012Validator(schema | {"components": document["components"]}).validate(example)
        checked += 1
    assert checked > 100


def test_every_declared_error_is_published_under_its_status(make_app, document):
    for path, method, operation in operations(document):
        declared = _declaration(make_app(), operation["operationId"])
        for error in declared.errors:
            told = operation["responses"][str(error.status)]["content"]["application/json"]["examples"]
            assert error.code in told, (path, method)


def _declaration(app, operation) -> Declaration:
    for view in app.view_functions.values():
        resource = getattr(view, "view_class", None)
        for method in getattr(resource, "methods", None) or ():
            declared = getattr(getattr(resource, method.lower()), "declaration", None)
            if declared and declared.operation == operation:
                return declared
    raise AssertionError(operation)


def test_no_answer_has_room_for_more_than_its_fields(document):
    for name, schema in document["components"]["schemas"].items():
        assert schema["type"] != "object" or schema["additionalProperties"] is False, name
    assert "password" not in document["components"]["schemas"]["UserOut"]["properties"]


def test_the_bounds_of_paging_are_published(document):
    parameters = {p["name"]: p["schema"] for p in document["paths"]["/api/users"]["get"]["parameters"]}
    assert (parameters["page"]["minimum"], parameters["page"]["maximum"]) == (1, 2**63 - 1)
    assert (parameters["page_size"]["minimum"], parameters["page_size"]["maximum"]) == (1, 100)


def test_lengths_are_those_of_the_settings(make_app):
    client = make_app(name_max_length=77, password_policy="strict").test_client()
    schemas = client.get("/openapi.json").json["components"]["schemas"]
    for schema in (schemas["UserCreate"], schemas["UserPatch"]):
        assert schema["properties"]["name"]["maxLength"] == 77
        assert schema["properties"]["password"]["minLength"] == 15
    assert "x-bound" not in json.dumps(schemas)


def test_the_committed_document_is_the_one_of_the_code():
    """`make openapi` writes it; under default settings."""
    printed = subprocess.run(
        [sys.executable, "-m", "rollbook", "openapi"], capture_output=True, check=True, cwd="/", env={}
    ).stdout
    assert json.loads(Path("docs/openapi.json").read_bytes()) == json.loads(printed)
