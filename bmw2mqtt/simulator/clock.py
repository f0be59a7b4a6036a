"""Time as BMW writes it."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time it is."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """Return a time as BMW writes it: UTC with milliseconds and a Z."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
