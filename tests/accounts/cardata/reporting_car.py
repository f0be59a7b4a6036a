"""A CarData car without a server: what it sends goes into the store and becomes a `Vehicle`."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bmw2mqtt.accounts.cardata.basic_data import BasicData
from bmw2mqtt.accounts.cardata.snapshot.builder import to_vehicle
from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from bmw2mqtt.vehicle.snapshot import Reading, Vehicle

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
    """A car of CarData that reports to a store, and whose snapshots are built from there."""

    def __init__(
        self, basic: Mapping[str, Any] | None = None, store: ReadingStore | None = None
    ) -> None:
        self.store = store or ReadingStore(Path("/nonexistent/never-opened.sqlite"))
        self.basic = None if basic is None else BasicData.parse(basic)
        self.vehicle: Vehicle | None = None
        self.unknown_words: list[tuple[str, str]] = []

    @property
    def readings(self) -> Mapping[str, Reading]:
        """The readings in the store."""
        vehicle = self.store.vehicle(VIN)
        assert vehicle is not None
        return vehicle.view

    def report(
        self, values: Mapping[str, Any], seconds: float = 0, *, now_s: float | None = None
    ) -> Vehicle:
        """Let the car send a message; return the snapshot it leads to."""
        now = T0 + timedelta(seconds=seconds + 1 if now_s is None else now_s)
        self.store.record(VIN, message(values, seconds), now)
        return self.snapshot(now)

    def snapshot(self, now: datetime = T0) -> Vehicle:
        """Return the snapshot of what the car has reported."""
        readings = self.store.vehicle(VIN)
        assert readings is not None
        self.vehicle = to_vehicle(
            VIN,
            self.basic,
            readings,
            previous=self.vehicle,
            image=None,
            now=now,
            log_unknown=lambda name, word: self.unknown_words.append((name, word)),
        )
        return self.vehicle
