"""Read BMW's times, which come in six forms."""

import re
from datetime import UTC, datetime
from functools import lru_cache

MAX_LENGTH = 40
"""No time is written in more characters."""
_CLOCK = r"(?:,?[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?(?: ?([AP])M)?(?: ?(?:UTC|GMT|Z))?"
_EUROPEAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})" + _CLOCK, re.ASCII | re.IGNORECASE)
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})" + _CLOCK, re.ASCII | re.IGNORECASE)
_EPOCH = re.compile(r"\d{9,13}(\.\d+)?", re.ASCII)
_MONTH = re.compile(r"\d{4}-\d{2}", re.ASCII)
_LARGEST_SECONDS = 1e11
"""A larger number of seconds would be after the year 5000: it is in milliseconds."""
_EARLIEST_YEAR, _LATEST_YEAR = 1990, 2200
NOON = 12


def read_time(value: object) -> datetime | None:
    """Read a time: a text of any of BMW's forms, or seconds or milliseconds since 1970.

    Texts without a time zone are in UTC. What cannot be read is `None`.
    """
    if isinstance(value, str):
        return _read_time(value) if len(value) <= MAX_LENGTH else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _from_epoch(value)


@lru_cache(maxsize=2048)
def _read_time(text: str) -> datetime | None:
    """Read ISO 8601, a month, `dd.mm.yyyy hh:mm:ss UTC`, the American form, or digits."""
    text = text.strip()
    if _EPOCH.fullmatch(text):
        return _from_epoch(float(text))
    if _MONTH.fullmatch(text):
        text += "-01"
    try:
        is_iso = text[4:5] == "-"
        found = datetime.fromisoformat(text) if is_iso else _written_time(text)
        if found is None:
            return None
        found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return found if _EARLIEST_YEAR <= found.year <= _LATEST_YEAR else None


def _from_epoch(number: float) -> datetime | None:
    try:
        seconds = number / 1000 if abs(number) > _LARGEST_SECONDS else number
        found = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return found if _EARLIEST_YEAR <= found.year <= _LATEST_YEAR else None


def _written_time(text: str) -> datetime | None:
    if match := _EUROPEAN.fullmatch(text):
        day, month = match[1], match[2]
    elif match := _AMERICAN.fullmatch(text):
        month, day = match[1], match[2]
    else:
        return None
    hour = int(match[4] or 0)
    if match[7]:
        hour = hour % NOON + (NOON if match[7].upper() == "P" else 0)
    return datetime(
        int(match[3]),
        int(month),
        int(day),
        hour,
        int(match[5] or 0),
        int(match[6] or 0),
        tzinfo=UTC,
    )
