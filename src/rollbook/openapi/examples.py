"""Examples for the published API, composed from those that the fields declare."""

from typing import Any

from pydantic import BaseModel, RootModel

from rollbook.kit import envelope
from rollbook.kit.declarations import Declaration
from rollbook.kit.errors import AppError
from rollbook.kit.listing import Page

REQUEST_ID = "0f8fad5bd9cb469fa16570867728950e"


def of_schema(schema: type[BaseModel]) -> Any:
    """Every field's first example. A field without one has no place in a body."""
    fields = {name: field.examples[0] for name, field in schema.model_fields.items() if field.examples}
    return fields["root"] if issubclass(schema, RootModel) else fields


def of_success(declared: Declaration, status: int) -> Any:
    example = of_schema(declared.returns) if declared.returns else None
    if declared.many:
        return envelope.listing(Page([example], 1, 20, 1), None, [example], declared.message, status)
    return example if declared.bare else envelope.success(example, declared.message, status)


def of_error(error: type[AppError]) -> dict[str, Any]:
    return envelope.failure(error(), REQUEST_ID)


def of_problem(error: type[AppError], path: str) -> dict[str, Any]:
    return envelope.problem(error(), REQUEST_ID, path)
