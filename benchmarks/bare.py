"""The baseline: a minimal API on MongoDB with Flask, PyMongo, one find_one and jsonify."""

import os

from bson import ObjectId
from flask import Flask, jsonify
from pymongo import MongoClient

app = Flask(__name__)
users = MongoClient(os.environ["MONGODB_URI"]).get_database("bench").users


@app.get("/users/<id>")
def read(id):
    user = users.find_one({"_id": ObjectId(id)}, {"password_hash": False})
    return jsonify({"id": str(user["_id"]), "name": user["name"], "email": user["email"]})


@app.get("/ready")
def ready():
    return jsonify("ready")
