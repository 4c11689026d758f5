"""Every password counts whole and none raises."""

import subprocess
import sys
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollbook.kit.passwords import SCHEME, PasswordHasher, TooBusy

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


def test_a_hash_of_fewer_rounds_still_verifies_and_is_outdated():
    stored = hash_("a password")
    with PasswordHasher(5).turn() as turn:
        assert turn.verify("a password", stored)
        assert not turn.verify("another", stored)
        assert turn.is_outdated(stored)
    with hasher.turn() as turn:
        assert not turn.is_outdated(stored)


def test_nobody_has_a_hash_and_no_password():
    assert not verify("a password", None)


def test_what_does_not_fit_is_told_so_at_once_and_what_does_waits_for_its_turn():
    hasher = PasswordHasher(rounds=4, at_once=1, waiting=1)
    with hasher.turn(), hasher.turn():
        started = time.perf_counter()
        with pytest.raises(TooBusy) as refused, hasher.turn():
            pass
        assert time.perf_counter() - started < 0.05
        assert refused.value.headers["Retry-After"] == "1"
    with hasher.turn() as turn:
        assert turn.hash("a password")


def test_a_turn_that_ends_in_an_error_is_given_back():
    hasher = PasswordHasher(rounds=4)
    for _ in range(3):
        with pytest.raises(RuntimeError), hasher.turn():
            raise RuntimeError
    with hasher.turn():
        pass


def test_who_shares_leaves_a_place_to_those_who_sign_in():
    hasher = PasswordHasher(rounds=4, at_once=1, waiting=1)
    with hasher.turn(sharing=True):
        with pytest.raises(TooBusy), hasher.turn(sharing=True):
            pass
        with hasher.turn() as turn:
            assert turn.hash("a password")


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own on Linux")
def test_hashing_works_at_whatever_priority_the_process_has():
    script = "from rollbook.kit.passwords import PasswordHasher as P\nwith P(4).turn() as t: print(len(t.hash('x')))"
    done = subprocess.run(["nice", "-n", "15", sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip().isdigit(), done.stderr
