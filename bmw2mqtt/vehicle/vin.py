"""Vehicle identification numbers."""

import re
from typing import TypeGuard

VIN_PATTERN = r"[A-Z0-9]{17}"


def is_vin(text: object) -> TypeGuard[str]:
    """Whether it has the form of a VIN: 17 upper-case letters and digits."""
    return isinstance(text, str) and re.fullmatch(VIN_PATTERN, text) is not None
