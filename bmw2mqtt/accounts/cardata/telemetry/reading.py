"""The forms of a reading on its way to the disk and to the rules of charging."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from bmw2mqtt.accounts.cardata.telemetry.position import PositionFix
from bmw2mqtt.vehicle.snapshot import Reading

_DOOR_WORDS = frozenset({"open", "closed"})
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
    """A reading as the rules of charging want it: with its times as they were."""

    descriptor: str
    value: str | float | bool | PositionFix | None
    stamped_at: datetime | None
    """`None`: it came without a time."""
    received_at: datetime


def is_older(measured_at: datetime, known: Reading, latest: datetime) -> bool:
    """Return whether there is a newer reading; one of the future came from a clock that was wrong.

    The stream tells seconds, REST thousandths: a whole second may be any moment of it, and what
    the stream told last is as a rule the newest.
    """
    if known.measured_at is None or known.measured_at > latest:
        return False
    return _end_of(measured_at) < _end_of(known.measured_at)


def keeps_lock(reading: Reading, known: Reading | None) -> bool:
    """Return whether a word about the doors came where a word about their lock is known.

    `cabin.door.status` has both kinds: CLOSED does not mean that the doors are no longer locked.
    """
    return (
        reading.value in _DOOR_WORDS
        and known is not None
        and known.value is not None
        and known.value not in _DOOR_WORDS
    )


def _end_of(at: datetime) -> datetime:
    return at if at.microsecond else at + _LAST_MOMENT
