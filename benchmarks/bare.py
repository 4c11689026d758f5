"""The baseline: a minimal API on MongoDB with Flask and PyMongo, without authentication."""

import os

from bson import ObjectId
from flask import Flask, jsonify, request
from pymongo import MongoClient

app = Flask(__name__)
users = MongoClient(os.environ["MONGODB_URI"]).get_default_database("bench").users


def render(user):
    return {"id": str(user["_id"]), "name": user["name"], "email": user["email"]}


@app.get("/users")
def list_users():
    size = min(int(request.args.get("page_size", 20)), 100)
    page = users.find({}, {"password_hash": False}).sort("_id", -1).limit(size)
    return jsonify([render(user) for user in page])


@app.get("/users/<id>")
def read(id):
    user = users.find_one({"_id": ObjectId(id)}, {"password_hash": False})
    etag = f'"{user["version"]}"'
    if request.headers.get("If-None-Match") == etag:
        return "", 304
    return jsonify(render(user)), {"ETag": etag}


@app.patch("/users/<id>")
def update(id):
    users.update_one(
        {"_id": ObjectId(id)}, {"$set": {"name": request.json["name"]}, "$inc": {"version": 1}}
    )
    return jsonify({"id": id})


@app.get("/ready")
def ready():
    return jsonify("ready")
