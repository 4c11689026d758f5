"""Eve with token authentication and roles, as in the tutorial of its documentation.

Eve hashes no passwords; the hook on inserts does, as its users write it.
"""

import os
from typing import Any

import bcrypt
from eve import Eve
from eve.auth import TokenAuth
from flask import current_app
from pymongo.uri_parser import parse_uri

MONGODB_URI = os.environ["MONGODB_URI"]
SETTINGS = {
    "MONGO_URI": MONGODB_URI,
    "MONGO_DBNAME": parse_uri(MONGODB_URI)["database"],
    "RESOURCE_METHODS": ["GET", "POST"],
    "ITEM_METHODS": ["GET", "PATCH"],
    "PAGINATION_DEFAULT": 20,
    "PAGINATION_LIMIT": 100,
    "ENFORCE_IF_MATCH": False,  # A change need not name the version that it read.
    "DOMAIN": {
        "users": {
            "allowed_roles": ["admin"],
            "allowed_item_roles": ["admin"],
            "datasource": {"projection": {"password": 0}},
            "schema": {
                "name": {"type": "string", "maxlength": 100, "required": True},
                "email": {"type": "string", "unique": True, "required": True},
                "password": {"type": "string", "required": True},
                "token": {"type": "string"},
                "roles": {"type": "list", "schema": {"type": "string"}},
            },
            "mongo_indexes": {"email": ([("email", 1)], {"unique": True}), "token": [("token", 1)]},
        }
    },
}


class RolesAuth(TokenAuth):
    def check_auth(self, token: str, allowed_roles: list[str], *_: str) -> dict[str, Any] | None:
        lookup: dict[str, Any] = {"token": token}
        if allowed_roles:
            lookup["roles"] = {"$in": allowed_roles}
        return current_app.data.driver.db["users"].find_one(lookup)


def hash_passwords(users: list[dict[str, Any]]) -> None:
    salt = bcrypt.gensalt(int(os.environ["BCRYPT_ROUNDS"]))
    for user in users:
        user["password"] = bcrypt.hashpw(user["password"].encode(), salt).decode()


app = Eve(settings=SETTINGS, auth=RolesAuth)
app.on_insert_users += hash_passwords
