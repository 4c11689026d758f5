"""Verify the access tokens of rollbook: pip install fastapi uvicorn pyjwt[crypto]."""

import os
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

keys = jwt.PyJWKClient(os.environ["ROLLBOOK_URL"] + "/.well-known/jwks.json")
bearer = HTTPBearer()
app = FastAPI()


def get_user_id(sent: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    try:
        if jwt.get_unverified_header(sent.credentials).get("typ") != "at+jwt":
            raise jwt.InvalidTokenError
        claims = jwt.decode(
            sent.credentials,
            keys.get_signing_key_from_jwt(sent.credentials),
            algorithms=["RS256"],
            issuer=os.environ.get("ISSUER", "rollbook"),
            audience=os.environ.get("AUDIENCE", "rollbook"),
            options={"require": ["exp", "iat", "sub"]},
        )
    except jwt.PyJWTError:
        raise HTTPException(401, "Sign in first.", {"WWW-Authenticate": "Bearer"}) from None
    return str(claims["sub"])


@app.get("/orders")
def list_orders(user_id: Annotated[str, Depends(get_user_id)]) -> dict[str, object]:
    return {"owner": user_id, "orders": []}
