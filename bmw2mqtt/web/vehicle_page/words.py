"""Times, numbers and words of a car's past as people read them."""

from datetime import datetime, tzinfo
from typing import Final

from bmw2mqtt.history.statistics import local_zone
from bmw2mqtt.web.vehicle_page.html import NONE

UNKNOWN: Final = "unknown"
CLASSES: Final = {"private": "Private", "business": "Business", "commute": "Commute"}
KINDS: Final = {"ac": "AC", "dc": "DC"}
SOURCES: Final = {
    "meter": "meter of the wallbox",
    "bmw": "charging history of BMW",
    "measured": "measured by the car",
    "estimated": "estimated from the state of charge",
}
COST_SOURCES: Final = {
    "fixed": "fixed price",
    "sampled": "price at the time",
    "bmw": "told by BMW",
    "user": "entered by you",
}


def time_text(at: int | None, name: str | None, zone: tzinfo) -> str:
    """Return a time in the zone of its place, or in another where that is unknown."""
    if at is None:
        return UNKNOWN
    return f"{datetime.fromtimestamp(at, local_zone(name, zone)):%Y-%m-%d %H:%M}"


def near_time_text(at: int | None, near: int | None, name: str | None, zone: tzinfo) -> str:
    """Return a time without its date if that is the date of another time beside it."""
    text, other = time_text(at, name, zone), time_text(near, name, zone)
    return text[11:] if at is not None and text[:10] == other[:10] else text


def number(value: float | None, digits: int, unit: str = "") -> str:
    """Return a number."""
    return NONE if value is None else f"{value:.{digits}f}{unit}"


def energy(value: float | None, *, is_estimate: bool, unit: str = "") -> str:
    """Return kilowatt-hours; ~ marks an estimate."""
    mark = "~" if is_estimate and value is not None else ""
    return f"{mark}{number(value, 1, unit)}"


def span(first: float | None, last: float | None, unit: str = "") -> str:
    """Return the state of charge at both ends."""
    if first is None and last is None:
        return NONE
    return f"{number(first, 0)} → {number(last, 0)}{unit}"


def minutes(seconds: float | None) -> str:
    """Return a duration."""
    if seconds is None:
        return NONE
    hours, rest = divmod(max(0, round(seconds / 60)), 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"
