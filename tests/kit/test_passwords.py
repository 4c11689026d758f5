"""Every password counts whole and none raises."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollbook.kit.passwords import SCHEME, PasswordHasher

hasher = PasswordHasher(rounds=4)


def hash_(password):
    with hasher.turn() as turn:
        return turn.hash(password)


def verify(password, stored):
    with hasher.turn() as turn:
        return turn.verify(password, stored)


any_password = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128)


@settings(max_examples=60, deadline=None)
@given(any_password)
def test_any_unicode_password_verifies_itself_and_not_another(password):
    stored = hash_(password)
    assert verify(password, stored)
    assert not verify(password + "x", stored)
    assert not verify(password[:-1], stored)


@pytest.mark.parametrize("character", ["a", "é", "漢", "😀", "\0"])
def test_the_last_of_128_characters_counts(character):
    stored = hash_(character * 127 + "y")
    assert verify(character * 127 + "y", stored)
    assert not verify(character * 127 + "z", stored)


@settings(max_examples=40, deadline=None)
@given(any_password)
def test_composed_and_decomposed_forms_are_one_password(password):
    stored = hash_(unicodedata.normalize("NFC", password))
    assert verify(unicodedata.normalize("NFD", password), stored)


def test_the_stored_hash_names_its_scheme_and_cost_and_is_salted():
    one, other = hash_("a password"), hash_("a password")
    assert one.startswith(f"{SCHEME}$2b$04$")
    assert one != other


@pytest.mark.parametrize("stored", ["", "$2b$04$abc", "md5$x", "plain text", f"x{SCHEME}$2b$04$abc"])
def test_a_hash_of_an_unknown_scheme_verifies_nothing(stored):
    assert not verify("a password", stored)
