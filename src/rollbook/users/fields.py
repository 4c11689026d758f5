"""The type of each field of a user."""

import re
from typing import Annotated, Any

from email_validator import EmailNotValidError
from pydantic import AfterValidator, Field, SecretStr, WithJsonSchema
from pydantic_core import PydanticCustomError

from rollbook.kit.field_types import BOUND_KEY, MaxLength, Pattern, Stripped
from rollbook.kit.text import CONTROLS, INVISIBLE, INVISIBLE_BMP, SPACES
from rollbook.passwords.hashing import normalize_password
from rollbook.passwords.password_policy import MAX_PASSWORD_LENGTH
from rollbook.users import references

MAX_COMPARED_LENGTH = 4096
"""Of a password that is only compared: today's policy says nothing about an older password."""
COMPARED_PASSWORD: dict[str, Any] = {
    "type": "string",
    "format": "password",
    "writeOnly": True,
    "minLength": 1,
    "maxLength": MAX_COMPARED_LENGTH,
}
"""The JSON Schema of a password that is only compared."""
MAX_DECOMPOSED_LENGTH = 4 * MAX_PASSWORD_LENGTH
"""NFC makes a text at most 4 times shorter (Unicode Standard Annex #15, expansion factors)."""


def _build_printable(message: str, excluded: str = "") -> Pattern:
    """Build the pattern of a visible text without the `excluded` characters.

    No two neighbouring parts of it share a character, so matching takes linear time. JavaScript
    without the flag `u` knows no range above U+FFFF, so those are not published.
    """
    pattern, published = (
        rf"^[{SPACES}{invisible}]*[^{SPACES}{invisible}{CONTROLS}{excluded}]"
        rf"[^{CONTROLS}{excluded}]*$"
        for invisible in (INVISIBLE, INVISIBLE_BMP)
    )
    return Pattern(pattern, message, published)


PRINTABLE = _build_printable(
    "At least one visible character. No control characters, line breaks or direction marks."
)
WITHOUT_SLASH = _build_printable(
    "At least one visible character. No slash, which separates the parts of a path, no control "
    "characters, line breaks or direction marks.",
    excluded="/",
)
PHONE_NUMBER = Pattern(
    r"^[ .()\[\]-]*\+[ .()\[\]-]*[1-9]([ .()\[\]-]*[0-9]){1,14}[ .()\[\]-]*$",
    "A plus, the country code and the number: at most 15 digits (E.164).",
)
LOCALE = Pattern(
    r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$", "A language tag of BCP 47, such as fr-CA."
)
USERNAME = Pattern(references.USERNAME_PATTERN, "3 to 50 of the characters A-Z a-z 0-9 _ . -")


def derive_name(
    first_name: str | None, last_name: str | None, username: str | None, email: str, limit: int
) -> str:
    """Derive the name of a user who gave none, of at most `limit` characters.

    It is the first name and the last name, else the username, else the part of the e-mail address
    before the @, else the whole address.
    """
    full_name = " ".join(filter(None, (first_name, last_name)))
    candidates = (full_name, username or "", email.rpartition("@")[0], email)
    cut = (candidate[:limit].strip() for candidate in candidates)
    return next(name for name in cut if re.fullmatch(PRINTABLE.pattern, name))


def _validate_email(address: str) -> str:
    try:
        references.get_email_key(address)
    except EmailNotValidError as error:
        raise PydanticCustomError("bad_email", "{why}", {"why": str(error)}) from None
    return address


def _validate_username(username: str) -> str:
    if not references.is_allowed_username(username):
        raise PydanticCustomError("reserved", "This username is reserved. Choose another one.")
    return username


def _normalize_phone(phone: str) -> str:
    """Normalize to E.164. A zero in brackets is dialled only without the country code."""
    return "+" + "".join(filter(str.isdigit, phone.replace("(0)", "")))


def _validate_password(password: SecretStr) -> SecretStr:
    text = password.get_secret_value()
    length = len(text)
    if length <= MAX_DECOMPOSED_LENGTH:
        length = min(length, len(normalize_password(text)))
    if length > MAX_PASSWORD_LENGTH:
        raise PydanticCustomError("string_too_long", "", {"max_length": MAX_PASSWORD_LENGTH})
    return SecretStr(normalize_password(text))


Name = Annotated[
    str,
    Field(min_length=1, examples=["Ada Lovelace"]),
    MaxLength("name_max_length"),
    PRINTABLE,
    Stripped,
]
Email = Annotated[
    str,
    Field(max_length=254, json_schema_extra={"format": "email"}, examples=["ada@example.com"]),
    Stripped,
    AfterValidator(_validate_email),
]
Username = Annotated[
    str,
    Field(examples=["ada"], json_schema_extra={"not": references.RESERVED_USERNAME_SCHEMA}),
    USERNAME,
    AfterValidator(_validate_username),
]
PersonName = Annotated[
    str, Field(min_length=1, max_length=100, examples=["Ada"]), PRINTABLE, Stripped
]
ExternalId = Annotated[
    str,
    Field(min_length=1, max_length=255, examples=["auth0|5f7c8ec7c33c6c004bbafe82"]),
    WITHOUT_SLASH,
]
"""The id of the user in another system. It is compared exactly."""
Locale = Annotated[str, Field(max_length=35, examples=["fr-CA"]), LOCALE]
Phone = Annotated[
    str,
    Field(max_length=64, examples=["+44 20 7946 0958"]),
    PHONE_NUMBER,
    AfterValidator(_normalize_phone),
]
Password = Annotated[
    SecretStr,
    AfterValidator(_validate_password),
    WithJsonSchema(
        {
            "type": "string",
            "format": "password",
            "writeOnly": True,
            "maxLength": MAX_PASSWORD_LENGTH,
            BOUND_KEY: {"minLength": "min_password_length"},
        }
    ),
    Field(examples=["correct horse battery staple"]),
]
CurrentPassword = Annotated[
    SecretStr,
    WithJsonSchema(COMPARED_PASSWORD | {"description": "the caller's own current password"}),
    Field(min_length=1, max_length=MAX_COMPARED_LENGTH, examples=["correct horse battery staple"]),
]
