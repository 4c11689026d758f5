"""A forged or malformed access token returns 401, never a 5xx."""

import base64
import hmac
import json
import time

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests import people

HS_SECRET = "6b1d0f4c8a2e4f7d9c3b5a7e1f2d4c6b"


def encode_base64(content):
    raw = (
        content
        if isinstance(content, bytes)
        else json.dumps(content, separators=(",", ":")).encode()
    )
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_parts(token):
    """The header and the claims of a token, without verification."""
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]]


class Forger:
    """Has a valid token, its own RSA key, and the public key of the service."""

    def __init__(self, token, public):
        self.token = token
        self.header, self.claims = decode_parts(token)
        self.h, self.p, self.s = token.split(".")
        self.own_key = RSAKey.generate_key(2048)
        self.public = public
        self.public_pem = RSAKey.import_key({k: public[k] for k in ("kty", "n", "e")}).as_pem(
            private=False
        )

    def sign(self, header=None, claims=None, key=None, alg="RS256"):
        registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
        header, claims = {**self.header, **(header or {})}, {**self.claims, **(claims or {})}
        return jwt.encode(header, claims, key or self.own_key, [alg], registry, default_type=None)

    def sign_with_hmac(self, key):
        head = encode_base64({**self.header, "alg": "HS256"})
        digest = hmac.digest(key, f"{head}.{self.p}".encode(), "sha256")
        return f"{head}.{self.p}.{encode_base64(digest)}"

    def splice(self, header=None, payload=None, signature=None):
        return ".".join(
            [header or self.h, payload or self.p, self.s if signature is None else signature]
        )


FORGERIES = {
    # algorithms
    "none": lambda f: f.splice(encode_base64({**f.header, "alg": "none"}), signature=""),
    "none with a signature": lambda f: f.splice(encode_base64({**f.header, "alg": "none"})),
    "None": lambda f: f.splice(encode_base64({**f.header, "alg": "None"}), signature="AA"),
    "HS256 with the public key": lambda f: f.sign_with_hmac(f.public_pem),
    "HS256 with the modulus": lambda f: f.sign_with_hmac(f.public["n"].encode()),
    "HS256 with a guessed secret": lambda f: f.sign_with_hmac(b"secret"),
    "RS512 by another key": lambda f: f.sign({"alg": "RS512"}, alg="RS512"),
    "PS256 by another key": lambda f: f.sign({"alg": "PS256"}, alg="PS256"),
    "ES256 by another key": lambda f: f.sign(
        {"alg": "ES256"}, key=ECKey.generate_key("P-256"), alg="ES256"
    ),
    "alg as a list": lambda f: f.splice(encode_base64({**f.header, "alg": ["RS256"]})),
    "alg as null": lambda f: f.splice(encode_base64({**f.header, "alg": None})),
    "no alg": lambda f: f.splice(encode_base64({k: v for k, v in f.header.items() if k != "alg"})),
    # keys
    "own key under a known kid": lambda f: f.sign(),
    "own key under an unknown kid": lambda f: f.sign({"kid": "mine"}),
    "no kid": lambda f: f.splice(encode_base64({k: v for k, v in f.header.items() if k != "kid"})),
    "kid as an operator": lambda f: f.splice(encode_base64({**f.header, "kid": {"$ne": None}})),
    "kid as a path": lambda f: f.sign({"kid": "../../dev/null"}),
    "kid of 1,000 characters": lambda f: f.sign({"kid": "k" * 1000}),
    "jwk in the header": lambda f: f.sign({"jwk": f.own_key.as_dict(private=False)}),
    "jku in the header": lambda f: f.sign({"jku": "https://example.com/jwks.json"}),
    "x5u in the header": lambda f: f.sign({"x5u": "https://example.com/cert.pem"}),
    "crit in the header": lambda f: f.splice(encode_base64({**f.header, "crit": ["exp"]})),
    "b64 in the header": lambda f: f.splice(
        encode_base64({**f.header, "b64": False, "crit": ["b64"]})
    ),
    "zip in the header": lambda f: f.splice(encode_base64({**f.header, "zip": "DEF"})),
    # types
    "typ JWT": lambda f: f.splice(encode_base64({**f.header, "typ": "JWT"})),
    "typ missing": lambda f: f.splice(
        encode_base64({k: v for k, v in f.header.items() if k != "typ"})
    ),
    "a refresh token": lambda f: f.refresh_token,
    # claims changed after signing
    "sub of another user": lambda f: f.splice(payload=encode_base64({**f.claims, "sub": "0" * 24})),
    "a later exp": lambda f: f.splice(
        payload=encode_base64({**f.claims, "exp": f.claims["exp"] + 10**6})
    ),
    "empty claims": lambda f: f.splice(payload=encode_base64({})),
    "claims as a list": lambda f: f.splice(payload=encode_base64([])),
    "claims that are not JSON": lambda f: f.splice(payload=encode_base64(b"\xff\xfe")),
    # malformed
    "another first character of the signature": lambda f: f.splice(
        signature=("B" if f.s[0] == "A" else "A") + f.s[1:]
    ),
    "other spare bits of the signature": lambda f: f.splice(
        signature=f.s[:-1] + chr(ord(f.s[-1]) + 1)
    ),
    "no signature": lambda f: f"{f.h}.{f.p}.",
    "two parts": lambda f: f"{f.h}.{f.p}",
    "four parts": lambda f: f"{f.token}.{f.s}",
    "five parts, like a JWE": lambda f: f"{f.token}.a.b",
    "empty parts": lambda f: "..",
    "base64 with padding": lambda f: f.splice(f.h + "="),
    "base64 of the standard alphabet": lambda f: f.splice(signature="+/" + f.s[2:]),
    "white space inside": lambda f: f"{f.h}. {f.p}.{f.s}",
    "a header that is not JSON": lambda f: f.splice(encode_base64(b"{")),
    "a header of bad UTF-8": lambda f: f.splice(encode_base64(b'{"alg":"\xff"}')),
    "a header with a lone surrogate": lambda f: f.splice(
        encode_base64(b'{"alg":"RS256","typ":"at+jwt","kid":"\\ud800"}')
    ),
    "a deeply nested header": lambda f: f.splice(encode_base64(b"[" * 2000)),
    "a header that repeats alg": lambda f: f.splice(
        encode_base64(b'{"alg":"none","alg":"RS256","typ":"at+jwt","kid":"x"}')
    ),
    "8 letters": lambda f: "AAAAAAAA",
    "6 kilobytes": lambda f: f.splice(payload="A" * 6000),
    "empty": lambda f: "",
    "a NUL": lambda f: "a.b.\\0",
}


@pytest.fixture
def forger(services, guarded):
    ada = people.person(services, guarded, "ada")
    kid = decode_parts(ada.signed_in["access_token"])[0]["kid"]
    public = next(
        key for key in guarded.get("/.well-known/jwks.json").json["keys"] if key["kid"] == kid
    )
    forger = Forger(ada.signed_in["access_token"], public)
    forger.refresh_token = ada.signed_in["refresh_token"]
    return forger


def get_me(client, authorization):
    return client.get("/api/auth/me", headers={"Authorization": authorization})


def test_every_forged_token_returns_401(forger, guarded):
    assert len(FORGERIES) >= 40
    for name, forge in FORGERIES.items():
        response = get_me(guarded, f"Bearer {forge(forger)}")
        assert response.status_code == 401, (name, response.json)
        assert response.json["error"]["code"] in ("invalid_token", "token_expired"), name
        assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    assert get_me(guarded, f"Bearer {forger.token}").status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        "{}",
        "Bearer",
        "Bearer  ",
        "Basic {}",
        "Token {}",
        "Bearer {} {}",
        "Bearer {},{}",
        "bearer\t{}",
        "Bearer={}",
        '"Bearer {}"',
    ],
)
def test_malformed_authorization_header_returns_401(forger, guarded, authorization):
    assert get_me(guarded, authorization.replace("{}", forger.token)).status_code == 401


def test_bearer_scheme_is_case_insensitive(forger, guarded):
    assert get_me(guarded, f"bEaReR {forger.token}").status_code == 200


SIGNED_BUT_INVALID = {
    "typ JWT": ({"typ": "JWT"}, {}),
    "an unexpected kid": ({"kid": "x"}, {}),
    "another issuer": ({}, {"iss": "elsewhere"}),
    "another audience": ({}, {"aud": "elsewhere"}),
    "several audiences": ({}, {"aud": ["rollbook", "elsewhere"]}),
    "expired": ({}, {"exp": int(time.time()) - 1}),
    "not yet valid": ({}, {"nbf": int(time.time()) + 600}),
    "issued tomorrow": ({}, {"iat": int(time.time()) + 86_400}),
    "exp as text": ({}, {"exp": "4000000000"}),
    "exp as a fraction": ({}, {"exp": 4e9 + 0.5}),
    "sub as an operator": ({}, {"sub": {"$ne": None}}),
    "sub as a number": ({}, {"sub": 1}),
    "sub that is not an id": ({}, {"sub": "me"}),
    "sid with a line break": ({}, {"sid": "0" * 24 + "\n"}),
    "sub of another user": ({}, {"sub": "0" * 24}),
    "sid of no session": ({}, {"sid": "0" * 24}),
    "an extra claim": ({}, {"is_admin": True}),
}


@pytest.mark.parametrize("name", SIGNED_BUT_INVALID)
def test_signed_hs256_token_with_bad_content_returns_401(services, make_app, stored, name):
    client = make_app(auth_required=True, jwt_secret_key=HS_SECRET).test_client()
    ada = people.person(services, client, "ada")
    header, claims = decode_parts(ada.signed_in["access_token"])
    assert header == {"alg": "HS256", "typ": "at+jwt"}
    assert client.get("/.well-known/jwks.json").json == {"keys": []}
    key = OctKey.import_key(HS_SECRET)
    other_header, other_claims = SIGNED_BUT_INVALID[name]
    forged = jwt.encode({**header, **other_header}, {**claims, **other_claims}, key, ["HS256"])
    assert get_me(client, f"Bearer {jwt.encode(header, claims, key, ['HS256'])}").status_code == 200
    assert get_me(client, f"Bearer {forged}").status_code == 401


def test_missing_claim_returns_401(services, make_app, stored):
    client = make_app(auth_required=True, jwt_secret_key=HS_SECRET).test_client()
    ada = people.person(services, client, "ada")
    header, claims = decode_parts(ada.signed_in["access_token"])
    for missing in claims:
        remaining = {name: value for name, value in claims.items() if name != missing}
        token = jwt.encode(header, remaining, OctKey.import_key(HS_SECRET), ["HS256"])
        assert get_me(client, f"Bearer {token}").status_code == 401, missing


def test_expired_token_returns_token_expired(services, make_app, stored):
    client = make_app(auth_required=True, jwt_secret_key=HS_SECRET).test_client()
    ada = people.person(services, client, "ada")
    header, claims = decode_parts(ada.signed_in["access_token"])
    token = jwt.encode(
        header, {**claims, "exp": claims["iat"] - 1}, OctKey.import_key(HS_SECRET), ["HS256"]
    )
    assert get_me(client, f"Bearer {token}").json["error"]["code"] == "token_expired"
