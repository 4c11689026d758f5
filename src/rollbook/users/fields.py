"""What each field of a user has to be."""

from typing import Annotated, Any

from email_validator import EmailNotValidError
from pydantic import AfterValidator, Field, SecretStr, WithJsonSchema
from pydantic_core import PydanticCustomError

from rollbook.kit.passwords import normalized
from rollbook.kit.schemas import BOUND_KEY, AtMost, Matches, Stripped
from rollbook.kit.text import CONTROLS, INVISIBLE, SPACES
from rollbook.users import references

LONGEST_PASSWORD = 128
LONGEST_GIVEN = 4096
"""Of a password that is only compared: what it may be now says nothing of what it was."""
WHATEVER_IT_IS: dict[str, Any] = {
    "type": "string",
    "format": "password",
    "writeOnly": True,
    "minLength": 1,
    "maxLength": LONGEST_GIVEN,
}
LONGEST_DECOMPOSED = 4 * LONGEST_PASSWORD
"""No character decomposes into more than four (Unicode Standard Annex #15, expansion factors of NFD)."""
PRINTABLE = Matches(
    rf"^[{SPACES}{INVISIBLE}]*[^{SPACES}{INVISIBLE}{CONTROLS}][^{CONTROLS}]*$",
    "At least one visible character, and no control characters, line breaks or changes of direction.",
)
"""What shows nothing, then something, then anything: what one part takes the next does not, so matching is linear."""
DIALLABLE = Matches(
    r"^[ .()\[\]-]*\+[ .()\[\]-]*[1-9]([ .()\[\]-]*[0-9]){1,14}[ .()\[\]-]*$",
    "A plus, the country code and the number: at most 15 digits (E.164).",
)
WRITABLE = Matches(references.USERNAME_PATTERN, "3 to 50 of the characters A-Z a-z 0-9 _ . -")


def _checked_email(address: str) -> str:
    try:
        references.email_key(address)
    except EmailNotValidError as error:
        raise PydanticCustomError("bad_email", "{why}", {"why": str(error)}) from None
    return address


def _checked_username(username: str) -> str:
    if not references.could_be_username(username):
        raise PydanticCustomError("reserved", "This username is reserved; choose another.")
    return username


def _dial(phone: str) -> str:
    """E.164. A bracketed zero is dialled at home only, not after the country code."""
    return "+" + "".join(filter(str.isdigit, phone.replace("(0)", "")))


def _checked_password(password: SecretStr) -> SecretStr:
    text = password.get_secret_value()
    if len(text) > LONGEST_DECOMPOSED or min(len(text), len(normalized(text))) > LONGEST_PASSWORD:
        raise PydanticCustomError("string_too_long", "", {"max_length": LONGEST_PASSWORD})
    return SecretStr(normalized(text))


Name = Annotated[
    str,
    Field(min_length=1, examples=["Ada Lovelace"]),
    AtMost("name_max_length"),
    PRINTABLE,
    Stripped,
]
Email = Annotated[
    str,
    Field(max_length=254, json_schema_extra={"format": "email"}, examples=["ada@example.com"]),
    Stripped,
    AfterValidator(_checked_email),
]
Username = Annotated[
    str,
    Field(examples=["ada"], json_schema_extra={"not": references.NO_USERNAME}),
    WRITABLE,
    AfterValidator(_checked_username),
]
PersonName = Annotated[str, Field(min_length=1, max_length=100, examples=["Ada"]), PRINTABLE, Stripped]
Phone = Annotated[str, Field(max_length=64, examples=["+44 20 7946 0958"]), DIALLABLE, AfterValidator(_dial)]
Password = Annotated[
    SecretStr,
    AfterValidator(_checked_password),
    WithJsonSchema(
        {
            "type": "string",
            "format": "password",
            "writeOnly": True,
            "maxLength": LONGEST_PASSWORD,
            BOUND_KEY: {"minLength": "least_password_length"},
        }
    ),
    Field(examples=["correct horse battery staple"]),
]

CurrentPassword = Annotated[
    SecretStr,
    WithJsonSchema(WHATEVER_IT_IS | {"description": "the caller's own, for what only an owner may do"}),
    Field(min_length=1, max_length=LONGEST_GIVEN, examples=["correct horse battery staple"]),
]
