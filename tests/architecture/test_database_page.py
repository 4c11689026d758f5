"""docs/database.md describes every collection. `make database` writes it."""

import inspect
import json
import os
import sys

from rollbook.database_parts import DOCUMENTS
from rollbook.storage.validators import build_validator
from tests.harness.serving import ROOT

PAGE = """# The database

Every collection that rollbook keeps in MongoDB. `make database` writes this page from the documents
in `src/rollbook/*/documents.py`. MongoDB refuses a document that does not match: each has a
JSON Schema validator with these types. `rollbook migrate` brings an existing database to this form.

Back up the database together with `SECRET_KEY`, which encrypts the signing keys in it.
"""


def render_type(schema):
    kinds = schema["bsonType"] if isinstance(schema["bsonType"], list) else [schema["bsonType"]]
    named = [kind for kind in kinds if kind != "null"]
    if named == ["array"] and "items" in schema:
        return f"array of {render_type(schema['items'])}"
    return " or ".join(named)


def render_rules(spec):
    rules = ["unique"] if spec.get("unique") else []
    if "expireAfterSeconds" in spec:
        rules.append(f"deleted {spec['expireAfterSeconds']} s after that time")
    if "partialFilterExpression" in spec:
        rules.append(f"only where `{json.dumps(spec['partialFilterExpression'])}`")
    return "; ".join(rules)


def render_keys(spec):
    return ", ".join(
        name if direction == 1 else f"{name} (descending)" for name, direction in spec["fields"]
    )


def render_collection(document):
    schema = build_validator(document)["$jsonSchema"]
    about = f"{sys.modules[document.__module__].__doc__} {inspect.getdoc(document)}"
    lines = [f"\n## {document._get_collection_name()}\n", about, ""]
    lines += ["| field | type | required |", "|---|---|---|"]
    for name, part in schema["properties"].items():
        lines.append(
            f"| `{name}` | {render_type(part)} | {'yes' if name in schema['required'] else ''} |"
        )
    if specs := document._meta["index_specs"]:
        lines += ["", "| index | keys | rules |", "|---|---|---|"]
    lines += [f"| `{s['name']}` | {render_keys(s)} | {render_rules(s)} |" for s in specs]
    return "\n".join(lines) + "\n"


def render_page():
    ordered = sorted(DOCUMENTS, key=lambda document: document._get_collection_name())
    return PAGE + "".join(map(render_collection, ordered))


def test_database_page_is_current():
    page = ROOT / "docs" / "database.md"
    if os.environ.get("WRITE_DATABASE"):
        page.write_text(render_page())
    assert page.read_text() == render_page(), "run make database"
