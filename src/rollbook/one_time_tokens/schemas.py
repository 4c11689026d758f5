"""One-time tokens in requests."""

from typing import Annotated

from pydantic import Field

A_LINK_TOKEN = "xQn0Yc7o3Rr8vJ2kUe5TqWm1Lz9Ab4Cd6Ef0Gh2Ij4k"

LinkToken = Annotated[
    str, Field(min_length=1, max_length=200, description="of the link", examples=[A_LINK_TOKEN])
]
