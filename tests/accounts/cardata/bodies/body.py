"""One car's answer to `telematicData`, and the same readings as messages of the stream."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 11, 1, 10, 0, tzinfo=UTC)
"""When REST answers; the cars have measured everything before."""
_UNITS = {
    "%": "percent",
    "km": "kilometers",
    "mi": "miles",
    "l": "L",
    "°C": "celsius",
    "min": "minutes",
    "degrees": "degrees",
}
"""The stream's spelling of REST's units."""
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """One value with its unit, and how many seconds before `NOW` it was measured."""

    value: Any
    unit: str | None = None
    age_s: float | None = 0

    @property
    def measured_at(self) -> datetime | None:
        return None if self.age_s is None else NOW - timedelta(seconds=self.age_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One car."""

    name: str
    basic: Mapping[str, Any]
    readings: Mapping[str, Measured] = field(default_factory=dict)
    """By descriptor without its first `vehicle.`."""

    def rest(self) -> dict[str, Entry]:
        """Return BMW's answer: all values are texts, with thousandths of a second."""
        return {f"vehicle.{name}": _rest_entry(reading) for name, reading in self.readings.items()}

    def messages(self, *, seed: int | None = None) -> Iterator[dict[str, Entry]]:
        """Return the stream's messages, a descriptor each, as they were measured or shuffled."""
        told = [(name, r) for name, r in self.readings.items() if r.age_s is not None]
        if seed is None:
            told.sort(key=lambda pair: -(pair[1].age_s or 0))
        else:
            random.Random(seed).shuffle(told)
        for name, reading in told:
            yield {f"vehicle.{name}": _stream_entry(reading)}


def _rest_entry(reading: Measured) -> Entry:
    value = reading.value
    if isinstance(value, bool):
        value = str(value).lower()
    elif value is not None:
        value = str(value)
    return {"value": value, "unit": reading.unit, "timestamp": _stamp(reading, "milliseconds")}


def _stream_entry(reading: Measured) -> Entry:
    entry = {"value": reading.value, "timestamp": _stamp(reading, "seconds")}
    if reading.unit is not None:
        entry["unit"] = _UNITS.get(reading.unit, reading.unit)
    return entry


def _stamp(reading: Measured, precision: str) -> str | None:
    at = reading.measured_at
    return None if at is None else at.isoformat(timespec=precision).replace("+00:00", "Z")
