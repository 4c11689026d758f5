"""References to users: by id, e-mail address or username."""

import pytest
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from rollbook.users import references
from rollbook.users.references import Reference

ID = "665f1c2ab8e4d90012a3b4c5"


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        (ID, Reference("_id", ObjectId(ID))),
        (ID.upper(), Reference("_id", ObjectId(ID))),
        ("Ada@Example.COM", Reference("email_key", "ada@example.com")),
        ("a/b@example.com", Reference("email_key", "a/b@example.com")),
        ("ADA", Reference("username_key", "ada")),
        ("a.b-c_d", Reference("username_key", "a.b-c_d")),
        ("ext:auth0|5f7c", Reference("external_id", "auth0|5f7c")),
        ("ext:a@b.org", Reference("external_id", "a@b.org")),
        ("ab", None),
        ("not an address@", None),
        ("@", None),
        ("ada\n", None),
        ("ada\0", None),
        ("a" * 51, None),
        ("{'$ne': null}", None),
        ("ädä", None),
    ],
)
def test_reference_is_an_id_email_or_username(ref, expected):
    assert references.parse_reference(ref) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.com", "ADA@EXAMPLE.COM"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@bücher.example", "ADA@BÜCHER.example"),
        ("jose\u0301@example.com", "JOSÉ@example.com"),
        ("ﬁne@example.com", "fine@example.com"),
        ("straße@example.com", "STRASSE@example.com"),
        ("ada@example\u3002com", "ada@example.com"),
    ],
)
def test_email_spellings_share_one_key(one, other):
    assert references.get_email_key(one) == references.get_email_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.com", "аda@example.com"),
        ("a.b@example.com", "ab@example.com"),
        ("a+b@x.org", "a@x.org"),
    ],
)
def test_different_emails_have_different_keys(one, other):
    assert references.get_email_key(one) != references.get_email_key(other)


@pytest.mark.parametrize(
    "username", ["me", "ME", "import", "export", "bulk", "restore", ID, ID.upper()]
)
def test_reserved_words_and_ids_are_not_usernames(username):
    assert not references.is_allowed_username(username)


@given(st.text())
def test_parse_reference_never_raises(text):
    references.parse_reference(text)
