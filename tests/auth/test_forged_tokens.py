"""Forged and mangled access tokens: 401 every time, never a 5xx."""

import base64
import hmac
import json
import time

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests import people

HS_SECRET = "6b1d0f4c8a2e4f7d9c3b5a7e1f2d4c6b"


def b64(content):
    raw = content if isinstance(content, bytes) else json.dumps(content, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def opened(token):
    """Header and claims of a token, unverified."""
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]]


class Forger:
    """Has a good token, an own RSA key, and the public key of the house."""

    def __init__(self, token, public):
        self.token = token
        self.header, self.claims = opened(token)
        self.h, self.p, self.s = token.split(".")
        self.own = RSAKey.generate_key(2048)
        self.public = public
        self.public_pem = RSAKey.import_key({k: public[k] for k in ("kty", "n", "e")}).as_pem(private=False)

    def signed(self, header=None, claims=None, key=None, alg="RS256"):
        registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
        header, claims = {**self.header, **(header or {})}, {**self.claims, **(claims or {})}
        return jwt.encode(header, claims, key or self.own, [alg], registry, default_type=None)

    def hmac_signed(self, key):
        head = b64({**self.header, "alg": "HS256"})
        return f"{head}.{self.p}.{b64(hmac.digest(key, f'{head}.{self.p}'.encode(), 'sha256'))}"

    def spliced(self, header=None, payload=None, signature=None):
        return ".".join([header or self.h, payload or self.p, self.s if signature is None else signature])


FORGERIES = {
    # algorithms
    "none": lambda f: f.spliced(b64({**f.header, "alg": "none"}), signature=""),
    "none with a signature": lambda f: f.spliced(b64({**f.header, "alg": "none"})),
    "None": lambda f: f.spliced(b64({**f.header, "alg": "None"}), signature="AA"),
    "HS256 with the public key": lambda f: f.hmac_signed(f.public_pem),
    "HS256 with the modulus": lambda f: f.hmac_signed(f.public["n"].encode()),
    "HS256 with a guessed secret": lambda f: f.hmac_signed(b"secret"),
    "RS512 by another key": lambda f: f.signed({"alg": "RS512"}, alg="RS512"),
    "PS256 by another key": lambda f: f.signed({"alg": "PS256"}, alg="PS256"),
    "ES256 by another key": lambda f: f.signed({"alg": "ES256"}, key=ECKey.generate_key("P-256"), alg="ES256"),
    "alg as a list": lambda f: f.spliced(b64({**f.header, "alg": ["RS256"]})),
    "alg as null": lambda f: f.spliced(b64({**f.header, "alg": None})),
    "no alg": lambda f: f.spliced(b64({k: v for k, v in f.header.items() if k != "alg"})),
    # keys
    "own key under a known kid": lambda f: f.signed(),
    "own key under an unknown kid": lambda f: f.signed({"kid": "mine"}),
    "no kid": lambda f: f.spliced(b64({k: v for k, v in f.header.items() if k != "kid"})),
    "kid as an operator": lambda f: f.spliced(b64({**f.header, "kid": {"$ne": None}})),
    "kid as a path": lambda f: f.signed({"kid": "../../dev/null"}),
    "kid of a kilobyte": lambda f: f.signed({"kid": "k" * 1000}),
    "jwk in the header": lambda f: f.signed({"jwk": f.own.as_dict(private=False)}),
    "jku in the header": lambda f: f.signed({"jku": "https://example.com/jwks.json"}),
    "x5u in the header": lambda f: f.signed({"x5u": "https://example.com/cert.pem"}),
    "crit in the header": lambda f: f.spliced(b64({**f.header, "crit": ["exp"]})),
    "b64 in the header": lambda f: f.spliced(b64({**f.header, "b64": False, "crit": ["b64"]})),
    "zip in the header": lambda f: f.spliced(b64({**f.header, "zip": "DEF"})),
    # types
    "typ JWT": lambda f: f.spliced(b64({**f.header, "typ": "JWT"})),
    "typ missing": lambda f: f.spliced(b64({k: v for k, v in f.header.items() if k != "typ"})),
    "a refresh token": lambda f: f.refresh_token,
    # claims, changed after signing
    "another's sub": lambda f: f.spliced(payload=b64({**f.claims, "sub": "0" * 24})),
    "a later exp": lambda f: f.spliced(payload=b64({**f.claims, "exp": f.claims["exp"] + 10**6})),
    "empty claims": lambda f: f.spliced(payload=b64({})),
    "claims as a list": lambda f: f.spliced(payload=b64([])),
    "claims that are no JSON": lambda f: f.spliced(payload=b64(b"\xff\xfe")),
    # mangled
    "the first character of the signature": lambda f: f.spliced(signature=("B" if f.s[0] == "A" else "A") + f.s[1:]),
    "the spare bits of the signature": lambda f: f.spliced(signature=f.s[:-1] + chr(ord(f.s[-1]) + 1)),
    "no signature": lambda f: f"{f.h}.{f.p}.",
    "two parts": lambda f: f"{f.h}.{f.p}",
    "four parts": lambda f: f"{f.token}.{f.s}",
    "five parts, as of a JWE": lambda f: f"{f.token}.a.b",
    "empty parts": lambda f: "..",
    "padded": lambda f: f.spliced(f.h + "="),
    "plain base64": lambda f: f.spliced(signature="+/" + f.s[2:]),
    "white space inside": lambda f: f"{f.h}. {f.p}.{f.s}",
    "a header that is no JSON": lambda f: f.spliced(b64(b"{")),
    "a header of bad UTF-8": lambda f: f.spliced(b64(b'{"alg":"\xff"}')),
    "a header with a lone surrogate": lambda f: f.spliced(b64(b'{"alg":"RS256","typ":"at+jwt","kid":"\\ud800"}')),
    "a deep header": lambda f: f.spliced(b64(b"[" * 2000)),
    "a header that repeats alg": lambda f: f.spliced(b64(b'{"alg":"none","alg":"RS256","typ":"at+jwt","kid":"x"}')),
    "8 bytes of rubbish": lambda f: "AAAAAAAA",
    "6 kilobytes": lambda f: f.spliced(payload="A" * 6000),
    "empty": lambda f: "",
    "a NUL": lambda f: "a.b.\\0",
}


@pytest.fixture
def forger(services, guarded):
    ada = people.person(services, guarded, "ada")
    kid = opened(ada.signed_in["access_token"])[0]["kid"]
    public = next(key for key in guarded.get("/.well-known/jwks.json").json["keys"] if key["kid"] == kid)
    forger = Forger(ada.signed_in["access_token"], public)
    forger.refresh_token = ada.signed_in["refresh_token"]
    return forger


def me(client, authorization):
    return client.get("/api/auth/me", headers={"Authorization": authorization})


def test_every_forgery_is_401_and_the_token_it_was_made_of_stays_good(forger, guarded):
    assert len(FORGERIES) >= 40
    for name, forge in FORGERIES.items():
        answer = me(guarded, f"Bearer {forge(forger)}")
        assert answer.status_code == 401, (name, answer.json)
        assert answer.json["error"]["code"] in ("invalid_token", "token_expired"), name
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert me(guarded, f"Bearer {forger.token}").status_code == 200


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
def test_a_header_that_is_not_bearer_and_a_token_is_401(forger, guarded, authorization):
    assert me(guarded, authorization.replace("{}", forger.token)).status_code == 401


def test_the_scheme_may_be_written_in_any_case(forger, guarded):
    assert me(guarded, f"bEaReR {forger.token}").status_code == 200


RIGHTLY_SIGNED = {
    "typ JWT": ({"typ": "JWT"}, {}),
    "a kid, where none is known": ({"kid": "x"}, {}),
    "issued by another": ({}, {"iss": "elsewhere"}),
    "for another": ({}, {"aud": "elsewhere"}),
    "for many": ({}, {"aud": ["rollbook", "elsewhere"]}),
    "expired": ({}, {"exp": int(time.time()) - 1}),
    "not yet good": ({}, {"nbf": int(time.time()) + 600}),
    "issued tomorrow": ({}, {"iat": int(time.time()) + 86_400}),
    "exp as text": ({}, {"exp": "4000000000"}),
    "exp as a fraction": ({}, {"exp": 4e9 + 0.5}),
    "sub as an operator": ({}, {"sub": {"$ne": None}}),
    "sub as a number": ({}, {"sub": 1}),
    "sub that is no id": ({}, {"sub": "me"}),
    "sid with a line break": ({}, {"sid": "0" * 24 + "\n"}),
    "sub of another user": ({}, {"sub": "0" * 24}),
    "sid of no session": ({}, {"sid": "0" * 24}),
    "one claim too many": ({}, {"role": "admin"}),
}


@pytest.mark.parametrize("name", RIGHTLY_SIGNED)
def test_with_hs256_even_a_right_signature_is_not_enough(services, make_app, stored, name):
    client = make_app(auth_required=True, jwt_secret_key=HS_SECRET).test_client()
    ada = people.person(services, client, "ada")
    header, claims = opened(ada.signed_in["access_token"])
    assert header == {"alg": "HS256", "typ": "at+jwt"}
    assert client.get("/.well-known/jwks.json").json == {"keys": []}
    key = OctKey.import_key(HS_SECRET)
    other_header, other_claims = RIGHTLY_SIGNED[name]
    forged = jwt.encode({**header, **other_header}, {**claims, **other_claims}, key, ["HS256"])
    assert me(client, f"Bearer {jwt.encode(header, claims, key, ['HS256'])}").status_code == 200
    assert me(client, f"Bearer {forged}").status_code == 401


def test_a_missing_claim_is_401(services, make_app, stored):
    client = make_app(auth_required=True, jwt_secret_key=HS_SECRET).test_client()
    ada = people.person(services, client, "ada")
    header, claims = opened(ada.signed_in["access_token"])
    for missing in claims:
        left = {name: value for name, value in claims.items() if name != missing}
        token = jwt.encode(header, left, OctKey.import_key(HS_SECRET), ["HS256"])
        assert me(client, f"Bearer {token}").status_code == 401, missing


def test_an_expired_token_says_so(services, make_app, stored):
    client = make_app(auth_required=True, jwt_secret_key=HS_SECRET).test_client()
    ada = people.person(services, client, "ada")
    header, claims = opened(ada.signed_in["access_token"])
    token = jwt.encode(header, {**claims, "exp": claims["iat"] - 1}, OctKey.import_key(HS_SECRET), ["HS256"])
    assert me(client, f"Bearer {token}").json["error"]["code"] == "token_expired"
