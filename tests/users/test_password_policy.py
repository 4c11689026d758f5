"""What a password has to be, as a table."""

import pytest

from rollbook.users.password_policy import PasswordPolicy

STANDARD = PasswordPolicy("standard", 8, 128)
COMPLEX = PasswordPolicy("complex", 8, 128)
STRICT = PasswordPolicy("strict", 15, 128)
PERSONAL = ["Ada Lovelace", None, None, "countess", "countess.ada@example.com"]


@pytest.mark.parametrize(
    ("policy", "password", "codes"),
    [
        (STANDARD, "ok enough", []),
        (STANDARD, "short", ["too_short"]),
        (STANDARD, "password1", ["common"]),
        (STANDARD, "PassWord1", ["common"]),
        (STANDARD, "ada lovelace", ["personal"]),
        (STANDARD, "AdaLovelace", ["personal"]),
        (STANDARD, "COUNTESS", ["personal"]),
        (STANDARD, "countess.ada@example.com", ["personal"]),
        (STANDARD, "countess.ada", ["personal"]),
        (STANDARD, "Ada Lovelace!", []),
        (COMPLEX, "Password@123", []),
        (COMPLEX, "password@123", ["needs_upper"]),
        (COMPLEX, "PASSWORD@123", ["needs_lower"]),
        (COMPLEX, "Password@xyz", ["needs_digit"]),
        (COMPLEX, "Password0123", ["needs_special"]),
        (COMPLEX, "Äpfel@12", []),
        (COMPLEX, "ab", ["too_short", "needs_upper", "needs_digit", "needs_special"]),
        (STRICT, "fourteen chars", ["too_short"]),
        (STRICT, "fifteen chars..", []),
        (STRICT, "passwordpassword", []),
    ],
)
def test_every_reason_to_refuse_is_told(policy, password, codes):
    assert [fault.code for fault in policy.faults(password, PERSONAL)] == codes


def test_no_reason_repeats_the_password():
    password = "Ada Lovelace"
    assert not [fault for fault in STANDARD.faults(password, PERSONAL) if password in fault.message]
