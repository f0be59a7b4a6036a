"""Clean text that people typed or pasted, and find invisible characters in it.

A byte order mark, a line end or a no-break space is invisible, but BMW and the broker refuse it. A
refused login uses up a captcha and may lock the account.
"""

import re
import unicodedata
from typing import Final

MAX_TOKEN_BYTES: Final = 8192
_BOM: Final = "\ufeff"
_CATEGORIES: Final = {
    "Cc": "a control character",
    "Cf": "an invisible character",
    "Cs": "a broken character",
    "Zl": "a line separator",
    "Zp": "a line separator",
    "Zs": "a special space",
}
_OUTER_BLANKS: Final = re.compile(
    r"^[\s\ufeff\u200b-\u200f\u2060]+|[\s\ufeff\u200b-\u200f\u2060]+$"
)


def clean(text: str) -> str:
    """Remove a byte order mark at the start and line ends at the end."""
    return text.removeprefix(_BOM).rstrip("\r\n")


def oddity(text: str) -> str | None:
    """Describe the first invisible character in `text`, without the text itself; None: no such."""
    for position, character in enumerate(text, 1):
        category = unicodedata.category(character)
        if category in _CATEGORIES and character != " ":
            name = unicodedata.name(character, "").lower()
            code = f"U+{ord(character):04X}" + (f", {name}" if name else "")
            return f"contains {_CATEGORIES[category]} ({code}) at position {position}"
    return None


def captcha_token(text: str) -> str | None:
    """Return a pasted captcha token without blanks around it; `None` if it cannot be one.

    A token is one long line of letters, digits and punctuation.
    """
    token = _OUTER_BLANKS.sub("", text)
    is_one = 0 < len(token) <= MAX_TOKEN_BYTES and token.isascii() and token.isprintable()
    return token if is_one and " " not in token else None
