"""The password policy in the API."""

from typing import Annotated, Literal

from pydantic import Field

from rollbook.kit.schemas import Out

PolicyName = Literal["basic", "standard", "complex", "strict"]


class PasswordPolicyOut(Out):
    """What a password has to be, for a client that wants to check it beforehand."""

    policy: Annotated[PolicyName, Field(examples=["standard"])]
    min_length: Annotated[int, Field(examples=[8])]
    max_length: Annotated[int, Field(examples=[128])]
    requires: Annotated[
        list[Literal["lower", "upper", "digit", "special"]],
        Field(description="character classes of which each must occur", examples=[[]]),
    ]
    refuses: Annotated[
        list[Literal["common", "guessable", "personal", "breached"]],
        Field(
            description="common: one of 470,000 leaked passwords; guessable: repeats, sequences, "
            "keyboard patterns, single words; personal: derived from the user's name or address; "
            "breached: known to BREACHED_PASSWORDS",
            examples=[["common", "guessable", "personal"]],
        ),
    ]
