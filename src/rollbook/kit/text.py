"""When are two spellings one word?"""

import re
import unicodedata

SPACES = r" \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
"""General_Category Zs, for the inside of a character class."""
INVISIBLE = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2060-\u2065\u206a-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Default_Ignorable_Code_Point, what is drawn as nothing (Unicode DerivedCoreProperties), but for DIRECTIONS."""
DIRECTIONS = r"\u202a-\u202e\u2066-\u2069"
"""What turns the text around it: the explicit bidirectional formatting characters (Unicode Standard Annex #9)."""
CONTROLS = rf"\x00-\x1f\x7f-\x9f\u2028\u2029{DIRECTIONS}\ufffe\uffff"
"""Controls, line breaks, directions and what is no character: nothing for a name."""

_IGNORABLE = re.compile(f"[{INVISIBLE}{DIRECTIONS}]")


def fold(text: str) -> str:
    """One form for all spellings of `text`: toNFKC_Casefold of the Unicode Standard, §3.13.3 (R5)."""
    form, folded = "", text
    while form != folded:
        form, folded = folded, unicodedata.normalize("NFKC", _IGNORABLE.sub("", folded).casefold())
    return form
