"""A reading, and its formats in REST and in the stream."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bmw2mqtt.simulator.clock import timestamp

Value = bool | int | float | str | None

REST_UNIT: Final = {
    "celsius": "°C",
    "percent": "%",
    "degrees": "degrees",
    "minutes": "min",
}
"""The units that REST spells differently from the stream."""


@dataclass(frozen=True, slots=True)
class SimulatedReading:
    """A value, its unit in the stream's spelling, and when the car measured it.

    A value that the car never supplied is `None`, and so is its time.
    """

    value: Value
    unit: str | None = None
    measured_at: datetime | None = None

    def streamed(self) -> dict[str, Any]:
        """Return it in the stream's format: a typed value, and no unit key without a unit."""
        entry: dict[str, Any] = {"value": self.value}
        if self.unit is not None:
            entry["unit"] = self.unit
        if self.measured_at is not None:
            entry["timestamp"] = _seconds(self.measured_at)
        return entry

    def contained(self) -> dict[str, str | None]:
        """Return it in the format of `telematicData`: everything is text or null."""
        return {
            "value": _text(self.value),
            "unit": None if self.unit is None else REST_UNIT.get(self.unit, self.unit),
            "timestamp": None if self.measured_at is None else timestamp(self.measured_at),
        }


NEVER_SUPPLIED: Final = SimulatedReading(None)


def _seconds(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _text(value: Value) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
