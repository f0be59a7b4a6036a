"""One value of a car, and the two ways BMW spells it."""

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
"""Units that REST spells otherwise than the stream; the other ones it spells the same."""


@dataclass(frozen=True, slots=True)
class SimulatedReading:
    """A value, its unit as the stream spells it, and when the car measured it.

    A value that the car never supplied is `None`, and so is its time.
    """

    value: Value
    unit: str | None = None
    measured_at: datetime | None = None

    def streamed(self) -> dict[str, Any]:
        """Return it as the stream sends it: a value of its own type, no unit if there is none."""
        entry: dict[str, Any] = {"value": self.value}
        if self.unit is not None:
            entry["unit"] = self.unit
        if self.measured_at is not None:
            entry["timestamp"] = _seconds(self.measured_at)
        return entry

    def contained(self) -> dict[str, str | None]:
        """Return it as `telematicData` sends it: everything is text or null."""
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
