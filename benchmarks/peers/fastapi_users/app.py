"""FastAPI-Users with Beanie, as in the full example of its documentation.

Added to the example: a name, bcrypt instead of Argon2, and a list, which FastAPI-Users has none of.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from beanie import Document, PydanticObjectId, init_beanie
from fastapi import Depends, FastAPI, Query
from fastapi_users import BaseUserManager, FastAPIUsers, schemas
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy
from fastapi_users.password import PasswordHelper
from fastapi_users_db_beanie import BeanieBaseUser, BeanieUserDatabase, ObjectIDIDMixin
from pwdlib import PasswordHash
from pwdlib.hashers.bcrypt import BcryptHasher
from pymongo import AsyncMongoClient

SECRET = "a secret of the benchmark with many characters"
YEAR_SECONDS = 365 * 24 * 3600
PASSWORDS = PasswordHelper(
    PasswordHash((BcryptHasher(rounds=int(os.environ["BCRYPT_ROUNDS"])),)),
)


class User(BeanieBaseUser, Document):
    name: str


class UserRead(schemas.BaseUser[PydanticObjectId]):
    name: str


class UserCreate(schemas.BaseUserCreate):
    name: str


class UserUpdate(schemas.BaseUserUpdate):
    name: str | None = None


class UserManager(ObjectIDIDMixin, BaseUserManager[User, PydanticObjectId]):
    reset_password_token_secret = SECRET
    verification_token_secret = SECRET


async def open_users() -> AsyncIterator[Any]:
    yield BeanieUserDatabase(User)


async def open_manager(users: Annotated[Any, Depends(open_users)]) -> AsyncIterator[UserManager]:
    yield UserManager(users, PASSWORDS)


def get_strategy() -> JWTStrategy[User, PydanticObjectId]:
    return JWTStrategy(secret=SECRET, lifetime_seconds=YEAR_SECONDS)


backend = AuthenticationBackend("jwt", BearerTransport("auth/jwt/login"), get_strategy)
fastapi_users = FastAPIUsers[User, PydanticObjectId](open_manager, [backend])
superuser = fastapi_users.current_user(active=True, superuser=True)


@asynccontextmanager
async def connect(_: FastAPI) -> AsyncIterator[None]:
    client = AsyncMongoClient(os.environ["MONGODB_URI"], uuidRepresentation="standard")
    await init_beanie(database=client.get_default_database(), document_models=[User])
    yield


app = FastAPI(lifespan=connect)
app.include_router(fastapi_users.get_auth_router(backend), prefix="/auth/jwt")
app.include_router(fastapi_users.get_register_router(UserRead, UserCreate), prefix="/auth")
app.include_router(fastapi_users.get_users_router(UserRead, UserUpdate), prefix="/users")


@app.get("/users", dependencies=[Depends(superuser)])
async def list_users(limit: Annotated[int, Query(le=100)] = 20) -> list[UserRead]:
    users = await User.find_all().limit(limit).to_list()
    return [UserRead.model_validate(user) for user in users]
