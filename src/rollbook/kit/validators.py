"""What MongoDB itself refuses to store: a JSON Schema for each collection, made from what its document declares."""

from typing import Any

import mongoengine
from mongoengine.base import BaseField
from pymongo import MongoClient

from rollbook.kit.documents import BaseDocument
from rollbook.kit.errors import Detail, NotReady

_TYPES: dict[type[BaseField], Any] = {
    mongoengine.StringField: "string",
    mongoengine.BooleanField: "bool",
    mongoengine.IntField: ["int", "long"],
    mongoengine.DateTimeField: "date",
    mongoengine.ObjectIdField: "objectId",
    mongoengine.DictField: "object",
    mongoengine.ListField: "array",
    mongoengine.BinaryField: "binData",
}


def validator_of(document: type[BaseDocument]) -> dict[str, Any]:
    """As `collMod` takes it. A field that this version does not know is let be: it is a newer version's."""
    fields = {field.db_field: field for field in document._fields.values()}
    required = sorted(name for name, field in fields.items() if field.required or name == "_id")
    properties = {name: _or_null(_schema(field), name in required) for name, field in fields.items()}
    return {"$jsonSchema": {"bsonType": "object", "required": required, "properties": properties}}


def verify(document: type[BaseDocument]) -> None:
    """Raises: NotReady, when the collection takes what it should not; and the driver's errors."""
    collection = document._get_collection()
    if not isinstance(collection.database.client, MongoClient):
        return  # mongomock has none.
    options = collection.options()
    if options.get("validator") != validator_of(document) or options.get("validationLevel", "strict") != "strict":
        fault = f"The validator of {collection.name} is missing or another."
        raise NotReady(details=[Detail("mongodb", "validator_missing", fault)])


def build(document: type[BaseDocument]) -> None:
    """Idempotent; what is stored already is not looked at."""
    collection = document._get_collection()
    if not isinstance(collection.database.client, MongoClient):
        return
    collection.database.command(
        "collMod",
        collection.name,
        validator=validator_of(document),
        validationLevel="strict",
        validationAction="error",
    )


def _or_null(schema: dict[str, Any], required: bool) -> dict[str, Any]:
    """What need not be there may be null as well."""
    types = schema["bsonType"] if isinstance(schema["bsonType"], list) else [schema["bsonType"]]
    return schema if required else schema | {"bsonType": [*types, "null"]}


def _schema(field: BaseField) -> dict[str, Any]:
    if isinstance(field, mongoengine.ListField) and field.field is not None:
        return {"bsonType": "array", "items": _schema(field.field)}
    schema: dict[str, Any] = {"bsonType": _TYPES[type(field)]}
    limits = {"minimum": "min_value", "minLength": "min_length", "maxLength": "max_length"}
    return schema | {
        keyword: getattr(field, name) for keyword, name in limits.items() if getattr(field, name, None) is not None
    }
