"""Render the operations of the OpenAPI document as methods of a Python client."""

import re
import textwrap
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]

PREFIX = "/api"
BY_HAND = {"login", "refresh", "logout"}
"""Operations that change the session; see `_async/connection.py`."""
REPEATED = {"update_user"}
"""The same as change_user, for clients that can only PUT."""
UNLISTED = {
    "unauthenticated",
    "invalid_token",
    "token_expired",
    "forbidden",
    "rights_changed",
    "bad_request",
    "malformed_json",
    "payload_too_large",
    "unsupported_media_type",
    "precondition_required",
}
"""Codes of the session and of broken requests, which docstrings leave out."""
COMPLETE = {"list_users": ({"fields", "include_deleted"}, "types.UserOut")}
"""Lists whose items are complete unless one of these parameters is given."""
PYTHON_TYPES = {"string": "str", "integer": "int", "boolean": "bool"}
IF_MATCH = "the version that you read; stale_version if it has changed"
IDEMPOTENCY_KEY = "a random one, unless you have one"
HEADER = '''"""Generated from docs/openapi.json by `make clients`."""

from typing import Any, Unpack, overload

from rollbook_client import types
from rollbook_client._async.connection import AsyncConnection
from rollbook_client._async.pages import AsyncPages
from rollbook_client.messages import IfMatch, build_if_match, build_key, quote


class AsyncClient(AsyncConnection):
    """A session with one rollbook, with a method for each of its operations.

    Fields of a body are named arguments. None sets a field to null; leave it out to keep it.
    """

'''


@dataclass(frozen=True)
class Operation:
    """`schema` is the Operation Object of the document, and `codes` those that it may refuse by."""

    path: str
    method: str
    schema: Schema
    codes: list[str]

    @property
    def name(self) -> str:
        return str(self.schema["operationId"])

    @property
    def body(self) -> str | None:
        content = self.schema.get("requestBody", {}).get("content", {})
        reference = content.get("application/json", {}).get("schema", {}).get("$ref")
        return reference.rpartition("/")[2] if reference else None

    @property
    def data(self) -> Schema | None:
        """The schema of `data` in a success, or None where there is none."""
        statuses = ("204", "200", "201", "202")
        responses = [self.schema["responses"].get(status) for status in statuses]
        success = next(filter(None, responses))
        if "content" not in success:
            return None
        envelope: Schema = success["content"]["application/json"]["schema"]
        data: Schema = envelope["properties"]["data"]
        return None if data.get("type") == "null" else data

    @property
    def is_list(self) -> bool:
        return self.data is not None and self.data.get("type") == "array"

    @property
    def result(self) -> str:
        """The type of `data`, or of its items."""
        if self.data is None:
            return "None"
        return find_type(self.data["items"] if self.is_list else self.data)

    @property
    def takes_version(self) -> bool:
        return any(each["name"] == "If-Match" for each in self.list_parameters("header"))

    @property
    def takes_key(self) -> bool:
        return any(each["name"] == "Idempotency-Key" for each in self.list_parameters("header"))

    def list_parameters(self, place: str) -> list[Schema]:
        """List parameters, without the cursor, which `pages` sends by itself."""
        parameters = [each for each in self.schema["parameters"] if each["in"] == place]
        return [each for each in parameters if each["name"] != "cursor"]


def render_module(document: Schema) -> str:
    """Render the module `operations` of the async client."""
    operations = list(list_operations(document))
    unlisted = UNLISTED | set.intersection(*(set(each.codes) for each in operations))
    methods = [textwrap.indent(render_method(each, unlisted), "    ") for each in operations]
    return HEADER + "\n\n".join(methods) + "\n"


def list_operations(document: Schema) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, schema in methods.items():
            if path.startswith(PREFIX) and schema["operationId"] not in BY_HAND | REPEATED:
                codes = find_codes(document, schema)
                yield Operation(path.removeprefix(PREFIX), method.upper(), schema, codes)


def find_codes(document: Schema, schema: Schema) -> list[str]:
    codes: dict[str, Any] = {}
    for response in schema["responses"].values():
        if "$ref" in response:
            name = response["$ref"].rpartition("/")[2]
            content = document["components"]["responses"][name]["content"]
            codes |= content["application/json"]["examples"]
    return list(codes)


def find_type(schema: Schema) -> str:
    """Return the Python type of a parameter or of `data`. None of a parameter is left out."""
    if "$ref" in schema:
        return f"types.{schema['$ref'].rpartition('/')[2]}"
    if "anyOf" in schema:
        some = [find_type(part) for part in schema["anyOf"] if part.get("type") != "null"]
        is_result = any("$ref" in part for part in schema["anyOf"])
        return " | ".join(some + (["None"] if is_result else []))
    return PYTHON_TYPES[schema["type"]]


def render_method(operation: Operation, unlisted: set[str]) -> str:
    docstring = render_docstring(operation, unlisted)
    inner = textwrap.indent(f"{docstring}\n{render_body(operation)}", "    ")
    return f"{render_head(operation)}\n{inner}"


def render_head(operation: Operation) -> str:
    arguments = render_arguments(operation)
    if not operation.is_list:
        return f"async def {operation.name}({arguments}) -> {operation.result}:"
    start, returns = f"def {operation.name}", f"AsyncPages[{operation.result}]"
    if operation.name not in COMPLETE:
        return f"{start}({arguments}) -> {returns}:"
    partial, item = COMPLETE[operation.name]
    complete = render_arguments(operation, partial)
    return (
        f"@overload\n{start}({complete}) -> AsyncPages[{item}]: ...\n"
        f"@overload\n{start}({arguments}) -> {returns}: ...\n"
        f"{start}({arguments}) -> AsyncPages[Any]:"
    )


def render_arguments(operation: Operation, left_out: Container[str] = ()) -> str:
    """Path parameters by position, then query and headers by name, then the fields of the body."""
    in_path = [f"{each['name']}: str" for each in operation.list_parameters("path")]
    named = [
        f"{each['name']}: {find_type(each['schema'])}"
        + ("" if each.get("required") else " | None = None")
        for each in operation.list_parameters("query")
        if each["name"] not in left_out
    ]
    named += ["if_match: IfMatch = None"] * operation.takes_version
    named += ["idempotency_key: str | None = None"] * operation.takes_key
    fields = [f"**body: Unpack[types.{operation.body}]"] if operation.body else []
    positional = ["self", *in_path, *["/"] * bool(in_path)]
    return ", ".join([*positional, *["*"] * bool(named), *named, *fields])


def render_docstring(operation: Operation, unlisted: set[str]) -> str:
    summary, description = f"{operation.schema['summary']}.", operation.schema["description"]
    parts = [summary] + ([description] if description.rstrip(".") + "." != summary else [])
    parameters = operation.list_parameters("query")
    texts = {each["name"]: each["description"] for each in parameters if "description" in each}
    texts |= {"if_match": IF_MATCH} if operation.takes_version else {}
    texts |= {"idempotency_key": IDEMPOTENCY_KEY} if operation.takes_key else {}
    if texts:
        lines = [wrap(f"{name}: {text}", "    ", "        ") for name, text in texts.items()]
        parts.append("\n".join(["Args:", *lines]))
    if codes := [code for code in operation.codes if code not in unlisted]:
        parts.append(wrap(f"Raises: RollbookError: {', '.join(codes)}.", "", "    "))
    text = "\n\n".join(parts)
    return f'"""{text}"""' if len(parts) == 1 else f'"""{text}\n"""'


def wrap(text: str, first: str, rest: str) -> str:
    return textwrap.fill(text, 92, initial_indent=first, subsequent_indent=rest)


def render_body(operation: Operation) -> str:
    filled = re.sub(r"\{(\w+)\}", r"{quote(\1)}", operation.path)
    address = f'{"f" * (filled != operation.path)}"{filled}"'
    names = [each["name"] for each in operation.list_parameters("query")]
    query = "{" + ", ".join(f'"{name}": {name}' for name in names) + "}"
    if operation.is_list:
        return f"return self.pages({address}, {query})"
    is_optional = not operation.schema.get("requestBody", {}).get("required", True)
    body = "json=body or None" if is_optional else "json=body"
    headers = ["build_if_match(if_match)"] * operation.takes_version
    headers += ["build_key(idempotency_key)"] * operation.takes_key
    parts = [f'"{operation.method}"', address, *[body] * bool(operation.body)]
    parts += [f"query={query}"] * bool(names)
    parts += [f"headers={' | '.join(headers)}"] * bool(headers)
    call = f"await self.send({', '.join(parts)})"
    return call if operation.data is None else f"data: {operation.result} = {call}\nreturn data"
