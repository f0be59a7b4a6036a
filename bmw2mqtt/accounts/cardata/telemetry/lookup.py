"""Reading a car's readings: the same fact goes by several of BMW's names."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from bmw2mqtt.accounts.cardata.telemetry.decode import (
    KM_PER_MILE,
    MeaninglessError,
    Report,
    consumption,
)
from bmw2mqtt.vehicle.snapshot import Reading

WordT = TypeVar("WordT", bound=StrEnum)
NEVER = datetime.min.replace(tzinfo=UTC)

DISTANCE_UNITS = (
    "vehicle.cabin.infotainment.displayUnit.distance",
    "vehicle.cabin.infotainment.hmi.distanceUnit",
)


class ReadingLookup:
    """One car's readings, asked by a chain of names: the newest one that is known counts.

    Of readings of the same time the first name's counts.
    """

    __slots__ = ("_readings", "_report", "is_in_miles")

    def __init__(self, readings: Mapping[str, Reading], report: Report) -> None:
        self._readings = readings
        self._report = report
        unit = self.word(*DISTANCE_UNITS)
        self.is_in_miles = unit is not None and unit.startswith("mi")
        """Whether the car's display, and so distances without a unit, are in miles."""

    def __contains__(self, name: str) -> bool:
        return name in self._readings

    def find(self, *names: str) -> Reading | None:
        """Return a reading whose value is known."""
        best: Reading | None = None
        for name in names:
            reading = self._readings.get(name)
            if reading is None or reading.value is None:
                continue
            if best is None or (reading.measured_at or NEVER) > (best.measured_at or NEVER):
                best = reading
        return best

    def number(
        self, *names: str, minimum: float = float("-inf"), maximum: float = float("inf")
    ) -> float | None:
        """Return a number within bounds, distances in km."""
        reading = self.find(*names)
        value = None if reading is None else self._metric(reading)
        return value if value is not None and minimum <= value <= maximum else None

    def distance_km(self, *names: str) -> float | None:
        """Return a distance that follows the car's display if it has no unit."""
        reading = self.find(*names)
        if reading is None:
            return None
        value = self._metric(reading)
        if value is None or value < 0:
            return None
        is_mile = reading.unit is None and self.is_in_miles
        return round(value * KM_PER_MILE, 1) if is_mile else value

    def whole(self, *names: str, minimum: float, maximum: float) -> int | None:
        """Return a number within bounds without its fraction."""
        value = self.number(*names, minimum=minimum, maximum=maximum)
        return None if value is None else int(value)

    def flag(self, *names: str) -> bool | None:
        """Return a yes or no."""
        reading = self.find(*names)
        return reading.value if reading and isinstance(reading.value, bool) else None

    def word(self, *names: str) -> str | None:
        """Return a word or text."""
        reading = self.find(*names)
        return reading.value if reading and isinstance(reading.value, str) else None

    def one_of(self, words: Mapping[str, WordT | None], *names: str) -> WordT | None:
        """Return what a word stands for; one that is not known is reported.

        Args:
            words: by BMW's word, lower case without anything between its parts.
            names: the chain.
        """
        word = self.word(*names)
        if word is None:
            return None
        key = word.replace("_", "")
        if key not in words:
            self._report(names[0], word)
        return words.get(key)

    @staticmethod
    def _metric(reading: Reading) -> float | None:
        is_number = isinstance(reading.value, float | int) and not isinstance(reading.value, bool)
        return float(reading.value) if is_number else None  # type: ignore[arg-type] # is a number


def shown(
    readings: Mapping[str, Reading], names: Iterable[str], following: Mapping[str, str | None]
) -> dict[str, Reading]:
    """Return the readings of some names, with those in the display's miles made metric.

    Args:
        readings: a car's.
        names: which of them.
        following: units by the names of those that follow the display; empty if it is in km.
    """
    found = {name: readings[name] for name in names if name in readings}
    for name, unit in following.items():
        reading = found.get(name)
        if reading is not None and reading.unit is None and isinstance(reading.value, float):
            found[name] = _from_miles(reading, unit)
    return found


def _from_miles(reading: Reading, unit: str | None) -> Reading:
    number = float(reading.value or 0)
    value: float | None = None
    with suppress(MeaninglessError):
        value = round(number * KM_PER_MILE, 1) if unit == "km" else consumption(number)
    return Reading(value=value, unit=unit, measured_at=reading.measured_at)
