"""The time zone of this computer."""

import os
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

_LOCAL_TIME: Final = Path("/etc/localtime")


def system_zone() -> tzinfo:
    """Return it with its summer time, from `TZ` or the system; UTC if it is not known."""
    try:
        if name := os.environ.get("TZ", "").lstrip(":"):
            return ZoneInfo(name)
        with _LOCAL_TIME.open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError, LookupError):
        return UTC
