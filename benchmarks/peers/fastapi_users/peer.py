"""FastAPI-Users with Beanie on uvicorn."""

import httpx

from benchmarks.comparison.installing import get_python_versions, install_python
from benchmarks.comparison.loads import Load
from benchmarks.comparison.seeding import (
    NEW_NAME,
    NEW_USER,
    PASSWORD,
    build_ids,
    build_samples,
    build_user,
    find_original,
    hash_password,
    insert_copies,
)
from benchmarks.peers.peer import FOLDER, Peer, Site, Start, bearer, post

SOURCES = FOLDER / "fastapi_users"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
VERSIONS = ("FastAPI-Users", "Beanie", "FastAPI", "uvicorn", "PyMongo", "bcrypt")


class FastAPIUsers(Peer):
    key = "fastapi_users"
    title = "FastAPI-Users"
    ready = ("/users/me", 401)
    notes = (
        "The reader is a superuser with a JWT, which cannot be revoked. There is no list, so this"
        " one is written as its users write it, unsorted. Users are created by registration, which"
        " needs no sign-in. uvicorn writes a line of log for each request."
    )

    def install(self) -> None:
        install_python(SOURCES / "requirements.txt", self.cache)

    def get_versions(self) -> dict[str, str]:
        return get_python_versions(self.cache, VERSIONS)

    def build_command(self) -> list[str]:
        command = [str(self.cache / "bin" / "python"), "-m", "uvicorn", "app:app", "--workers", "2"]
        return [*command, "--host", "127.0.0.1", "--port", "$PORT", "--app-dir", str(SOURCES)]

    def build_environment(self, start: Start) -> dict[str, str]:
        return {"MONGODB_URI": start.uri, "BCRYPT_ROUNDS": str(start.variant.cost)}

    def seed(self, site: Site) -> None:
        for name in ("root", "plain"):
            account = {"name": name, "email": f"{name}@house.org", "password": PASSWORD}
            post(site.api, "/auth/register", account, {})
        collection = site.database.User
        collection.update_one({"email": "root@house.org"}, {"$set": {"is_superuser": True}})
        self._root, self._plain = (sign_in(site.api, name) for name in ("root", "plain"))
        self.stranger = self._plain
        self._ids = build_ids()
        original = find_original(collection, {"email": "plain@house.org"})
        original["hashed_password"] = hash_password(10)
        insert_copies(collection, original, lambda n: {"_id": self._ids[n], **build_user(n)})

    def build_loads(self, _: httpx.Client) -> dict[str, Load]:
        read, changed = build_samples(self._ids)
        form = f"username=$email&password={PASSWORD.replace(' ', '+')}"
        return {
            "read": Load("GET", "/users/$id", self._root, users=read, emails=1),
            "me": Load("GET", "/users/me", self._plain, emails=1),
            "list-20": Load("GET", "/users?limit=20", self._root, emails=20),
            "list-100": Load("GET", "/users?limit=100", self._root, emails=100),
            "create": Load("POST", "/auth/register", body=NEW_USER, status=201),
            "update": Load("PATCH", "/users/$id", self._root, body=NEW_NAME, users=changed),
            "sign-in": Load("POST", "/auth/jwt/login", headers=FORM, body=form, users=read),
        }


def sign_in(api: httpx.Client, name: str) -> dict[str, str]:
    form = {"username": f"{name}@house.org", "password": PASSWORD}
    return bearer(api.post("/auth/jwt/login", data=form).json()["access_token"])
