"""CarData cars without a server: what they send goes into the store and becomes a `Vehicle`."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bmw2mqtt.accounts.cardata.basic_data import BasicData
from bmw2mqtt.accounts.cardata.snapshot.builder import to_vehicle
from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from bmw2mqtt.vehicle.snapshot import Vehicle

VIN = "WBA00000000000001"
T0 = datetime(2026, 11, 1, 10, 0, tzinfo=UTC)
ELECTRIC, HYBRID, COMBUSTION = (
    {"driveTrain": word, "modelName": "X"} for word in ("BEV", "PHEV", "CONV")
)


def at(seconds: float) -> str:
    """Return a time as BMW writes it, so many seconds after `T0`."""
    return (
        (T0 + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def entry(value: Any, seconds: float = 0, unit: str | None = None) -> dict[str, Any]:
    """Return what BMW sends about one descriptor."""
    return {"value": value, "unit": unit, "timestamp": at(seconds)}


def message(values: Mapping[str, Any], seconds: float = 0) -> dict[str, Any]:
    """Return a message; names are without their first `vehicle.`, a tuple is value and unit."""
    return {
        f"vehicle.{name}": entry(*(v[0], seconds, v[1]) if isinstance(v, tuple) else (v, seconds))
        for name, v in values.items()
    }


class Car:
    """One car of one account."""

    def __init__(self, basic: Mapping[str, Any] | None = None) -> None:
        self.values = ReadingStore(Path("/nonexistent/never-opened.sqlite"))
        self.basic = None if basic is None else BasicData.parse(basic)
        self.vehicle: Vehicle | None = None
        self.unknown_words: list[tuple[str, str]] = []

    def tell(
        self, values: Mapping[str, Any], seconds: float = 0, *, now_s: float | None = None
    ) -> Vehicle:
        """Let the car send a message; return the snapshot it leads to."""
        now = T0 + timedelta(seconds=seconds + 1 if now_s is None else now_s)
        self.values.take(VIN, message(values, seconds), now)
        return self.convert(now)

    def convert(self, now: datetime = T0) -> Vehicle:
        """Return the snapshot of what the car has told."""
        self.vehicle = to_vehicle(
            VIN,
            self.basic,
            self.values.of(VIN),
            previous=self.vehicle,
            image=None,
            now=now,
            report=lambda name, word: self.unknown_words.append((name, word)),
        )
        return self.vehicle
