"""The forms of a reading for the disk and for the rules of charging."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from bmw2mqtt.accounts.cardata.telemetry.descriptors import (
    BATTERY_HEALTH,
    BATTERY_SIZE,
    CONSUMPTION,
    DOOR_LOCK,
    MAX_ENERGY,
    TARGET_SOC,
)
from bmw2mqtt.accounts.cardata.telemetry.position import PositionFix
from bmw2mqtt.vehicle.snapshot import Reading

_PLACEHOLDERS: Mapping[str, tuple[object, ...]] = {
    **dict.fromkeys(DOOR_LOCK, ("open", "closed")),
    **dict.fromkeys((MAX_ENERGY, BATTERY_SIZE), (0.0, 1.0)),
    **dict.fromkeys((BATTERY_HEALTH, CONSUMPTION, TARGET_SOC), (0.0,)),
}
_MAX_SHOWN_LENGTH = 40
_LAST_MOMENT = timedelta(microseconds=999_999)


class RawReading(NamedTuple):
    """A reading as it goes to disk: numbers in the catalogue's unit, the rest as BMW sent it."""

    value: Any
    unit: str | None
    """`None` also while the unit of a number is not settled."""
    measured_at: datetime | None
    known_at: datetime | None = None
    """Of a value that became unknown: when the last known one was measured."""


class NewReading(NamedTuple):
    """A reading for the rules of charging, with its original times."""

    descriptor: str
    value: str | float | bool | PositionFix | None
    stamped_at: datetime | None
    """`None`: it came without a time."""
    received_at: datetime


def is_older(measured_at: datetime, known: Reading, latest: datetime) -> bool:
    """Return whether there is a newer reading; one of the future came from a clock that was wrong.

    The stream sends whole seconds, REST thousandths: a whole second may be any moment within it,
    and what the stream sent last is usually the newest.
    """
    if known.measured_at is None or known.measured_at > latest:
        return False
    return _end_of(measured_at) < _end_of(known.measured_at)


def is_repeated(reading: Reading, known: Reading, *, is_timed: bool) -> bool:
    """Return whether a reading is known already; without a time, its value alone counts."""
    is_equal = (known.value, known.unit) == (reading.value, reading.unit)
    return is_equal and (not is_timed or known.measured_at == reading.measured_at)


def is_placeholder(name: str, value: object) -> bool:
    """Return whether a value says nothing about the fact that its descriptor stands for.

    `cabin.door.status` also has words about the doors: CLOSED does not mean that they are no longer
    locked. A capacity of 0 or 1 is unknown.
    """
    return value in _PLACEHOLDERS.get(name, ())


def shown_value(name: str, value: object) -> str:
    """Return a value for the log: a short text that is no place, else its type alone."""
    is_private = "navigation" in name
    is_short = isinstance(value, str) and len(value) <= _MAX_SHOWN_LENGTH
    return str(value) if is_short and not is_private else type(value).__name__


def replaces_nothing(name: str, reading: Reading, known: Reading | None) -> bool:
    """Return whether a new reading says nothing, and what is known says more or is newer."""
    is_beside = is_placeholder(name, reading.value)
    if known is None or not (is_beside or reading.value is None):
        return False
    if not is_placeholder(name, known.value):
        return is_beside and known.value is not None
    at, known_at = reading.measured_at, known.measured_at
    return at is not None and known_at is not None and at < known_at


def _end_of(at: datetime) -> datetime:
    return at if at.microsecond else at + _LAST_MOMENT
