"""When are two spellings one word?"""

import re
import unicodedata

_IGNORABLE = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Default_Ignorable_Code_Point: what is drawn as nothing (Unicode DerivedCoreProperties)."""


def fold(text: str) -> str:
    """One form for all spellings of `text`: toNFKC_Casefold of the Unicode Standard, §3.13.3 (R5)."""
    form, folded = "", text
    while form != folded:
        form, folded = folded, unicodedata.normalize("NFKC", _IGNORABLE.sub("", folded).casefold())
    return form
