"""One form for all spellings of a text."""

import re
import unicodedata

SPACES = r" \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
"""General_Category Zs, for use inside a character class."""
INVISIBLE_BMP = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2060-\u2065"
    r"\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
)
INVISIBLE = INVISIBLE_BMP + "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
"""Default_Ignorable_Code_Point (Unicode DerivedCoreProperties), without DIRECTIONS."""
DIRECTIONS = r"\u202a-\u202e\u2066-\u2069"
"""The explicit bidirectional formatting characters (Unicode Standard Annex #9)."""
CONTROLS = rf"\x00-\x1f\x7f-\x9f\u2028\u2029{DIRECTIONS}\ufffe\uffff"
"""Control characters, line breaks, DIRECTIONS and noncharacters: not allowed in a name."""

_IGNORABLE = re.compile(f"[{INVISIBLE}{DIRECTIONS}]")


def fold(text: str) -> str:
    """Apply toNFKC_Casefold of the Unicode Standard, §3.13.3 (R5)."""
    previous, folded = "", text
    while previous != folded:
        visible = _IGNORABLE.sub("", folded)
        previous, folded = folded, unicodedata.normalize("NFKC", visible.casefold())
    return folded
