"""The faults that each password policy finds."""

import time

import pytest

from rollbook.passwords.common_passwords import WIDTH, _get_entry, _load_table
from rollbook.passwords.password_policy import PasswordPolicy

BASIC = PasswordPolicy("basic", 8, 128)
STANDARD = PasswordPolicy("standard", 8, 128)
COMPLEX = PasswordPolicy("complex", 8, 128)
STRICT = PasswordPolicy("strict", 15, 128)
PERSONAL = ["Ada Lovelace", None, None, "countess", "countess.ada@example.com"]


@pytest.mark.parametrize(
    ("policy", "password", "codes"),
    [
        (BASIC, "password123", []),
        (BASIC, "ada lovelace", []),
        (BASIC, "aaaaaaaa", []),
        (BASIC, "seven 7", ["too_short"]),
        (BASIC, " " * 8, ["too_short"]),
        (STANDARD, "good enough", []),
        (STANDARD, "short", ["too_short"]),
        (STANDARD, "password1", ["common"]),
        (STANDARD, "PassWord1", ["common"]),
        (STANDARD, "ada lovelace", ["personal"]),
        (STANDARD, "AdaLovelace", ["personal"]),
        (STANDARD, "COUNTESS", ["common"]),
        (STANDARD, "countess1815", ["personal"]),
        (STANDARD, "lovelaceada", ["personal"]),
        (STANDARD, "l0vel@ceada", ["personal"]),
        (STANDARD, "rollbook2026", ["personal"]),
        (STANDARD, "987654321", ["common"]),
        (STANDARD, "aaaaaaaa", ["common"]),
        (STANDARD, "xqvxqvxqvxqvxqvxqv", ["guessable"]),
        (STANDARD, "abcabcabcabcabcabc", ["guessable"]),
        (STANDARD, "1qaz2wsx3edc4rfv", ["common"]),
        (STANDARD, "mnbvcxzlkjhgf", ["guessable"]),
        (STANDARD, "fghijklmnop", ["guessable"]),
        (STANDARD, "17.03.1984", ["guessable"]),
        (STANDARD, " " * 8, ["too_short"]),
        (STANDARD, "\u200b" * 8, ["too_short"]),
        (STANDARD, "ab\u200bcd\u2060ef", ["too_short"]),
        (STANDARD, "a        b", ["too_short"]),
        (STANDARD, "pass\u200bword1", ["common"]),
        (STANDARD, "correct horse battery staple", []),
        (STANDARD, "Schreibtisch am Fenster", []),
        (STANDARD, "漢字仮名交じり文です", []),
        (STANDARD, "countess.ada@example.com", ["personal"]),
        (STANDARD, "countess.ada", ["personal"]),
        (STANDARD, "countess.ada-lovelace", ["personal"]),
        (STANDARD, "Lovelace, Countess Ada!!", ["personal"]),
        (
            STANDARD,
            "\uff21\uff44\uff41\uff2c\uff4f\uff56\uff45\uff4c\uff41\uff43\uff45",
            ["personal"],
        ),
        (STANDARD, "Ada Lovelace!", ["personal"]),
        (COMPLEX, "Password@123", ["common"]),
        (COMPLEX, "Kettle@Drum9", []),
        (COMPLEX, "kettle@drum9", ["needs_upper"]),
        (COMPLEX, "KETTLE@DRUM9", ["needs_lower"]),
        (COMPLEX, "Kettle@Drums", ["needs_digit"]),
        (COMPLEX, "Kettle9Drums", ["needs_special"]),
        (COMPLEX, "Äpfel@12", []),
        (COMPLEX, "ab", ["too_short", "needs_upper", "needs_digit", "needs_special"]),
        (STRICT, "fourteen chars", ["too_short"]),
        (STRICT, "fifteen chars..", []),
        (STRICT, "passwordpassword", ["common"]),
        (STRICT, "qwertyuiopasdfghjkl", ["common"]),
        (STRICT, "kettlekettlekettle", ["guessable"]),
    ],
)
def test_policy_lists_every_fault(policy, password, codes):
    assert [fault.code for fault in policy.list_faults(password, PERSONAL)] == codes


def test_fault_message_never_contains_the_password():
    password = "Ada Lovelace"
    assert not [
        fault for fault in STANDARD.list_faults(password, PERSONAL) if password in fault.message
    ]


@pytest.mark.parametrize(
    "password", ["4@8({[<369!1|0$5+7%2" * 6, "0987654321" * 12, "aA1!" * 32, "el1te" * 25]
)
def test_guessability_estimate_is_fast(password):
    """It once took 2.4 s: every character that may stand for a letter doubled the work."""
    durations = []
    for _ in range(3):
        started = time.thread_time()
        STANDARD.list_faults(password, PERSONAL)
        durations.append(time.thread_time() - started)
    assert min(durations) < 0.2


def test_common_password_table_is_large_and_sorted():
    entries = [_get_entry(_load_table(), index) for index in range(len(_load_table()) // WIDTH)]
    assert len(entries) > 100_000
    assert entries == sorted(set(entries))


@pytest.mark.parametrize(
    "address",
    [
        "maximilian-alexander.von-hohenstein@gmail.com",
        "x.y@an-unusually-long-name-of-a-company.example.org",
    ],
)
def test_own_email_address_is_refused_at_any_length(address):
    for password in (address, address.upper(), address.partition("@")[0] + "@"):
        codes = [fault.code for fault in STANDARD.list_faults(password, [None, address])]
        assert codes in (["personal"], ["too_short"]), password
