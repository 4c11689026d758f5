"""Every password counts whole and none raises."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollbook.kit.passwords import SCHEME, PasswordHasher

hasher = PasswordHasher(rounds=4)
any_password = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128)


@settings(max_examples=60, deadline=None)
@given(any_password)
def test_any_unicode_password_verifies_itself_and_not_another(password):
    stored = hasher.hash(password)
    assert hasher.verify(password, stored)
    assert not hasher.verify(password + "x", stored)
    assert not hasher.verify(password[:-1], stored)


@pytest.mark.parametrize("character", ["a", "é", "漢", "😀", "\0"])
def test_the_last_of_128_characters_counts(character):
    stored = hasher.hash(character * 127 + "y")
    assert hasher.verify(character * 127 + "y", stored)
    assert not hasher.verify(character * 127 + "z", stored)


@settings(max_examples=40, deadline=None)
@given(any_password)
def test_composed_and_decomposed_forms_are_one_password(password):
    stored = hasher.hash(unicodedata.normalize("NFC", password))
    assert hasher.verify(unicodedata.normalize("NFD", password), stored)


def test_the_stored_hash_names_its_scheme_and_cost_and_is_salted():
    one, other = hasher.hash("a password"), hasher.hash("a password")
    assert one.startswith(f"{SCHEME}$2b$04$")
    assert one != other


@pytest.mark.parametrize("stored", ["", "$2b$04$abc", "md5$x", "plain text", f"x{SCHEME}$2b$04$abc"])
def test_a_hash_of_an_unknown_scheme_verifies_nothing(stored):
    assert not hasher.verify("a password", stored)
