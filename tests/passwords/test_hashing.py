"""Hash and verify passwords: every character counts, and no password raises."""

import subprocess
import sys
import time
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollbook.kit.turns import Turns
from rollbook.passwords import hash_gate
from rollbook.passwords.errors import TooBusy
from rollbook.passwords.hash_gate import HashGate
from rollbook.passwords.hashing import SCHEME

gate = HashGate(rounds=4)


def hash_password(password):
    with gate.enter() as hasher:
        return hasher.hash(password)


def verify_password(password, stored):
    with gate.enter() as hasher:
        return hasher.verify(password, stored)


any_password = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128)


@settings(max_examples=60, deadline=None)
@given(any_password)
def test_any_unicode_password_verifies_only_itself(password):
    stored = hash_password(password)
    assert verify_password(password, stored)
    assert not verify_password(password + "x", stored)
    assert not verify_password(password[:-1], stored)


@pytest.mark.parametrize("character", ["a", "é", "漢", "😀", "\0"])
def test_last_of_128_characters_counts(character):
    stored = hash_password(character * 127 + "y")
    assert verify_password(character * 127 + "y", stored)
    assert not verify_password(character * 127 + "z", stored)


@settings(max_examples=40, deadline=None)
@given(any_password)
def test_unicode_normal_forms_are_the_same_password(password):
    stored = hash_password(unicodedata.normalize("NFC", password))
    assert verify_password(unicodedata.normalize("NFD", password), stored)


def test_stored_hash_has_scheme_cost_and_salt():
    one, other = hash_password("a password"), hash_password("a password")
    assert one.startswith(f"{SCHEME}$2b$04$")
    assert one != other


@pytest.mark.parametrize(
    "stored", ["", "$2b$04$abc", "md5$x", "plain text", f"x{SCHEME}$2b$04$abc"]
)
def test_hash_of_unknown_scheme_verifies_nothing(stored):
    assert not verify_password("a password", stored)


def test_hash_with_fewer_rounds_is_valid_but_outdated():
    stored = hash_password("a password")
    with HashGate(5).enter() as hasher:
        assert hasher.verify("a password", stored)
        assert not hasher.verify("another", stored)
        assert hasher.is_outdated(stored)
    with gate.enter() as hasher:
        assert not hasher.is_outdated(stored)


def test_missing_hash_verifies_nothing():
    assert not verify_password("a password", None)


def test_full_hash_gate_refuses_at_once():
    gate = HashGate(rounds=4, turns=2)
    with gate.enter(), gate.enter():
        started = time.perf_counter()
        with pytest.raises(TooBusy) as caught, gate.enter():
            pass
        assert time.perf_counter() - started < 0.05
        assert caught.value.headers["Retry-After"] == "1"
    with gate.enter() as hasher:
        assert hasher.hash("a password")


def test_hash_gate_lets_a_bounded_line_wait(monkeypatch):
    monkeypatch.setattr(hash_gate, "MAX_WAIT", 0.3)
    gate = HashGate(rounds=4, line_length=1)

    def wait_in_line():
        started = time.perf_counter()
        try:
            with gate.enter():
                return "entered"
        except TooBusy:
            return time.perf_counter() - started

    with ThreadPoolExecutor(1) as pool:
        with gate.enter():
            waiting = pool.submit(wait_in_line)
            time.sleep(0.1)
            assert wait_in_line() < 0.05, "the line is full"
        assert waiting.result() == "entered"
        with gate.enter():
            assert 0.25 < pool.submit(wait_in_line).result() < 0.5
    with gate.enter():
        pass


def test_request_that_waited_for_a_thread_does_not_wait_again():
    gate = HashGate(rounds=4, line_length=1)
    with gate.enter(), Turns(1).take(waited=hash_gate.BUSY_WAIT + 0.1):
        started = time.perf_counter()
        with pytest.raises(TooBusy), gate.enter():
            pass
        assert time.perf_counter() - started < 0.05


def test_hash_gate_frees_the_place_after_an_error():
    gate = HashGate(rounds=4)
    for _ in range(3):
        with pytest.raises(RuntimeError), gate.enter():
            raise RuntimeError
    with gate.enter():
        pass


def test_hash_gate_keeps_the_last_place_for_sign_in():
    gate = HashGate(rounds=4, turns=2, line_length=0)
    with gate.enter(yields_last_place=True):
        with pytest.raises(TooBusy), gate.enter(yields_last_place=True):
            pass
        with gate.enter() as hasher:
            assert hasher.hash("a password")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a priority per thread")
def test_hashing_works_at_low_process_priority():
    script = (
        "from rollbook.passwords.hash_gate import HashGate\n"
        "with HashGate(4).enter() as hasher: print(len(hasher.hash('x')))"
    )
    result = subprocess.run(
        ["nice", "-n", "15", sys.executable, "-c", script], capture_output=True, text=True
    )
    assert result.stdout.strip().isdigit(), result.stderr
