"""Tokens whose signature was verified before: their key and their times count at every use."""

from datetime import UTC, datetime, timedelta

import pytest

from rollbook.auth import access_tokens
from rollbook.auth.access_tokens import AccessTokens
from rollbook.auth.errors import InvalidToken, TokenExpired
from rollbook.signing.keys import SharedSecret

START = datetime(2026, 3, 14, tzinfo=UTC)
USER, SESSION = "6" * 24, "a" * 32


class Clock:
    now = START

    def __call__(self):
        return self.now


class Keys(SharedSecret):
    """A key that can be taken away."""

    is_there = True

    def find_key(self, kid):
        return super().find_key(kid) if self.is_there else None


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tokens(clock):
    return AccessTokens(clock, Keys("8d1f0a6c94b27e35d8c0b1a2f3e4d5c6"), timedelta(minutes=15))


def issue(tokens, session=SESSION):
    return tokens.issue(tokens.get_signer(), user_id=USER, session_id=session, about={})


def test_signature_is_verified_once(tokens, monkeypatch):
    token, decoded = issue(tokens), []
    decode = access_tokens.jwt.decode
    monkeypatch.setattr(
        access_tokens.jwt, "decode", lambda *a, **k: decoded.append(1) or decode(*a, **k)
    )
    assert [tokens.verify(token).sid for _ in range(5)] == [SESSION] * 5
    assert len(decoded) == 1
    assert token.encode() not in b"".join(tokens.verified)


def test_remembered_token_expires(tokens, clock):
    token = issue(tokens)
    tokens.verify(token)
    clock.now = START + timedelta(minutes=15)
    with pytest.raises(TokenExpired):
        tokens.verify(token)


def test_remembered_token_of_the_future_is_refused(tokens, clock):
    token = issue(tokens)
    tokens.verify(token)
    clock.now = START - timedelta(minutes=1)
    with pytest.raises(InvalidToken):
        tokens.verify(token)


def test_remembered_token_ends_with_its_key(tokens):
    token = issue(tokens)
    tokens.verify(token)
    tokens.keys.is_there = False
    with pytest.raises(InvalidToken):
        tokens.verify(token)


@pytest.mark.parametrize("place", [0, 40, -1])
def test_altered_copy_of_a_remembered_token_is_refused(tokens, place):
    token = issue(tokens)
    tokens.verify(token)
    letters = list(token)
    letters[place] = "A" if letters[place] != "A" else "B"
    with pytest.raises(InvalidToken):
        tokens.verify("".join(letters))


def test_number_of_remembered_tokens_is_limited(tokens, monkeypatch):
    monkeypatch.setattr(access_tokens, "MAX_VERIFIED", 3)
    for number in range(10):
        tokens.verify(issue(tokens, f"{number:032x}"))
        assert len(tokens.verified) <= 3


def test_refused_token_is_not_remembered(tokens):
    with pytest.raises(InvalidToken):
        tokens.verify("a.b.c")
    assert tokens.verified == {}
