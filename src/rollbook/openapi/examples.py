"""Examples in the OpenAPI document, composed from those that the fields declare."""

from typing import Any

from pydantic import BaseModel, RootModel

from rollbook.kit.errors import AppError
from rollbook.kit.listing import Page
from rollbook.web import envelope
from rollbook.web.declarations import Declaration

REQUEST_ID = "0f8fad5bd9cb469fa16570867728950e"


def build_example(schema: type[BaseModel]) -> Any:
    """Build an example from the first example of every field.

    A field without an example is left out.
    """
    examples = {name: f.examples[0] for name, f in schema.model_fields.items() if f.examples}
    return examples["root"] if issubclass(schema, RootModel) else examples


def build_success(declaration: Declaration, status: int) -> Any:
    example = build_example(declaration.returns) if declaration.returns else None
    message = declaration.message
    if declaration.many:
        return envelope.wrap_page(Page([example], 1, 20, 1), None, [example], message, status)
    return example if declaration.bare else envelope.wrap_data(example, message, status)


def build_error(error: type[AppError]) -> dict[str, Any]:
    return envelope.wrap_error(error(), REQUEST_ID)


def build_problem(error: type[AppError], path: str) -> dict[str, Any]:
    return envelope.build_problem(error(), REQUEST_ID, path)
