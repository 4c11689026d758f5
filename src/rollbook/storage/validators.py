"""Validators: MongoDB refuses a document that does not match the JSON Schema of its collection."""

from typing import Any

import mongoengine
from mongoengine.base import BaseField
from pymongo import MongoClient

from rollbook.kit.errors import Detail, NotReady
from rollbook.storage.documents import BaseDocument, ObjectField

_TYPES: dict[type[BaseField], Any] = {
    mongoengine.StringField: "string",
    mongoengine.BooleanField: "bool",
    mongoengine.IntField: ["int", "long"],
    mongoengine.DateTimeField: "date",
    mongoengine.ObjectIdField: "objectId",
    ObjectField: "object",
    mongoengine.ListField: "array",
    mongoengine.BinaryField: "binData",
}


def build_validator(document: type[BaseDocument]) -> dict[str, Any]:
    """Build the validator for `collMod`.

    It allows unknown fields, which a newer version has written.
    """
    fields = {field.db_field: field for field in document._fields.values()}
    required = sorted(name for name, field in fields.items() if field.required or name == "_id")
    properties = {name: _allow_null(_schema(f), name in required) for name, f in fields.items()}
    return {"$jsonSchema": {"bsonType": "object", "required": required, "properties": properties}}


def verify(document: type[BaseDocument]) -> None:
    """Verify the stored validator.

    It may have more optional fields, since a newer version may run on the same database. Otherwise
    it has to be the declared one: a stricter one would refuse what this version writes.

    Raises: NotReady, when the validator is missing or differs; PyMongoError.
    """
    collection = document._get_collection()
    if not isinstance(collection.database.client, MongoClient):
        return  # mongomock has no validators.
    options = collection.options()
    stored = options.get("validator", {})
    is_enforced = (
        options.get("validationLevel", "strict") == "strict"
        and options.get("validationAction", "error") == "error"
    )
    if not is_enforced or not _is_declared(stored, build_validator(document)):
        message = f"The validator of {collection.name} is missing or differs."
        raise NotReady(details=[Detail("mongodb", "validator_missing", message)])


def build(document: type[BaseDocument]) -> None:
    """Build the validator. It is idempotent. Documents that are stored are not checked."""
    collection = document._get_collection()
    if not isinstance(collection.database.client, MongoClient):
        return
    collection.database.command(
        "collMod",
        collection.name,
        validator=build_validator(document),
        validationLevel="strict",
        validationAction="error",
    )


def _is_declared(stored: dict[str, Any], declared: dict[str, Any]) -> bool:
    """Compare two validators, apart from additional properties of the stored one."""
    fields = declared["$jsonSchema"]["properties"]
    schema = stored.get("$jsonSchema", {})
    known = {name: part for name, part in schema.get("properties", {}).items() if name in fields}
    return {**stored, "$jsonSchema": {**schema, "properties": known}} == declared


def _allow_null(schema: dict[str, Any], required: bool) -> dict[str, Any]:
    """Allow null, since an optional field may be null."""
    types = schema["bsonType"] if isinstance(schema["bsonType"], list) else [schema["bsonType"]]
    return schema if required else schema | {"bsonType": [*types, "null"]}


def _schema(field: BaseField) -> dict[str, Any]:
    if isinstance(field, mongoengine.ListField) and field.field is not None:
        return {"bsonType": "array", "items": _schema(field.field)}
    keywords = {"minimum": "min_value", "minLength": "min_length", "maxLength": "max_length"}
    limits = {keyword: getattr(field, name, None) for keyword, name in keywords.items()}
    set_limits = {keyword: limit for keyword, limit in limits.items() if limit is not None}
    return {"bsonType": _TYPES[type(field)]} | set_limits
