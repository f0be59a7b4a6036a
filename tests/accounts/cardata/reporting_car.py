"""A CarData car without a server: what it sends goes into the store and becomes a `Vehicle`."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bmw2mqtt.accounts.cardata.basic_data import BasicData
from bmw2mqtt.accounts.cardata.charging_tracker import ChargingTracker
from bmw2mqtt.accounts.cardata.snapshot.builder import to_vehicle
from bmw2mqtt.accounts.cardata.snapshot.drive_train import drive_train
from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from bmw2mqtt.accounts.cardata.vehicle import CarDataVehicle
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
        self._known = CarDataVehicle(VIN, self.store.add(VIN))
        self._known.basic_data = None if basic is None else BasicData.parse(basic)
        self.unknown_words: list[tuple[str, str]] = []
        self._tracker: ChargingTracker | None = None

    @property
    def vehicle(self) -> Vehicle | None:
        """The last snapshot."""
        return self._known.snapshot

    @property
    def readings(self) -> Mapping[str, Reading]:
        """The readings in the store."""
        return self._known.readings.view

    def report(
        self, values: Mapping[str, Any], seconds: float = 0, *, now_s: float | None = None
    ) -> Vehicle:
        """Let the car send a message; return the snapshot it leads to."""
        now = T0 + timedelta(seconds=seconds + 1 if now_s is None else now_s)
        self.store.add(VIN).record(message(values, seconds), now)
        return self.snapshot(now)

    def snapshot(self, now: datetime = T0) -> Vehicle:
        """Return the snapshot of what the car has reported."""
        known = self._known
        if self._tracker is None:
            self._tracker = ChargingTracker(
                known.readings,
                self.store.pop_charging_state(VIN),
                log_unknown=self._log_unknown,
                now=now,
            )
        before = known.snapshot.drive_train if known.snapshot else None
        lookup = known.readings.lookup(self._log_unknown)
        kind = drive_train(known.basic_data or BasicData(), lookup, before, self._log_unknown)
        self._tracker.judge(lookup, drive_train=kind, model=None, now=now)
        charge = self._tracker.machine.state(now)
        known.snapshot = to_vehicle(known, kind, charge, now=now, log_unknown=self._log_unknown)
        return known.snapshot

    def _log_unknown(self, name: str, word: str) -> None:
        self.unknown_words.append((name, word))
