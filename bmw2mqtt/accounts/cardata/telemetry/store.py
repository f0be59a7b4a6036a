"""The readings of an account's cars, in memory and on disk.

BMW sends a value when it changes and never again, so the readings are kept over restarts.
"""

import json
from datetime import datetime
from pathlib import Path

from bmw2mqtt.accounts.background_writer import BackgroundWriter
from bmw2mqtt.accounts.cardata.telemetry.database import ReadingDatabase, Row
from bmw2mqtt.accounts.cardata.telemetry.reading import RawReading
from bmw2mqtt.accounts.cardata.telemetry.times import read_time
from bmw2mqtt.accounts.cardata.telemetry.vehicle_readings import VehicleReadings
from bmw2mqtt.accounts.unknown_values import UnknownValueLog
from bmw2mqtt.vehicle.vin import is_vin

_KNOWN_AT = "known_at"
_CHARGING = "charging"
"""The row of a car that holds the state of its charge; no descriptor is named so."""


class ReadingStore:
    """The readings of an account's cars."""

    def __init__(
        self, path: Path, writer: BackgroundWriter | None = None, *, has_locks: bool = True
    ) -> None:
        """Prepare; `open` reads what an earlier run left, `writer` writes it off the event loop."""
        self._database = ReadingDatabase(path, has_locks=has_locks)
        self._writer = writer or BackgroundWriter()
        self._vehicles: dict[str, VehicleReadings] = {}
        self._unsaved: dict[str, dict[str, RawReading]] = {}
        """By VIN and descriptor."""
        self._charging: dict[str, object] = {}
        """The state of each car's charge as an earlier run left it."""
        self._log_unknown = UnknownValueLog()
        self._log_descriptor = UnknownValueLog("unknown_descriptor")

    def open(self) -> None:
        """Read what an earlier run left; a damaged file is renamed and logged.

        It may take a while: in the event loop, call it in a thread.
        """
        for vin, name, text, unit, measured_at in self._database.open():
            if is_vin(vin) and (raw := _raw_reading(text, unit, measured_at)):
                if name == _CHARGING:
                    self._charging[vin] = raw.value
                else:
                    self.add(vin).restore(name, raw)
        for vehicle in self._vehicles.values():
            vehicle.finish_restoring()

    def close(self) -> None:
        """Write what is not yet written."""
        self.commit()
        self._writer.submit(self._database.close, lambda _: None)

    def commit(self) -> None:
        """Write what changed since the last time; call it before the readings are published."""
        if not any(self._unsaved.values()):
            return
        unsaved = {vin: dict(raws) for vin, raws in self._unsaved.items() if raws}
        for raws in self._unsaved.values():
            raws.clear()
        rows = [_row(vin, name, raw) for vin, raws in unsaved.items() for name, raw in raws.items()]

        def done(is_saved: bool) -> None:  # noqa: FBT001 - the writer's result
            for vin, raws in unsaved.items() if not is_saved else ():
                if vin in self._unsaved:
                    self._unsaved[vin].update(raws | self._unsaved[vin])

        self._writer.submit(lambda: self._database.save(rows), done)

    def pop_charging_state(self, vin: str) -> object:
        """Return the state of a car's charge as an earlier run left it, once; `None` if none."""
        return self._charging.pop(vin, None)

    def save_charging_state(self, vin: str, document: object, now: datetime) -> None:
        """Write the state of a car's charge with the next `commit`."""
        if vin in self._unsaved:
            self._unsaved[vin][_CHARGING] = RawReading(document, None, now)

    def vins(self) -> frozenset[str]:
        """Return the cars that have reported anything."""
        return frozenset(vin for vin, vehicle in self._vehicles.items() if vehicle)

    def remove(self, vin: str) -> None:
        """Remove a car, from disk too."""
        self._charging.pop(vin, None)
        if self._vehicles.pop(vin, None) is not None:
            del self._unsaved[vin]
            self._writer.submit(lambda: self._database.remove(vin), lambda _: None)

    def add(self, vin: str) -> VehicleReadings:
        """Return a car's readings; a new car has none."""
        known = self._vehicles.get(vin)
        if known is None:
            self._unsaved[vin] = {}
            known = self._vehicles[vin] = VehicleReadings(
                self._unsaved[vin],
                log_unknown=self._log_unknown,
                log_descriptor=self._log_descriptor,
            )
        return known


def _row(vin: str, name: str, raw: RawReading) -> Row:
    value = raw.value if raw.known_at is None else {_KNOWN_AT: raw.known_at.isoformat()}
    measured_at = raw.measured_at.isoformat() if raw.measured_at else None
    return vin, name, json.dumps(value), raw.unit, measured_at


def _raw_reading(text: str, unit: str | None, measured_at: str | None) -> RawReading | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # somebody edited the file
        return None
    known_at = None
    if isinstance(value, dict) and _KNOWN_AT in value:
        known_at = read_time(value[_KNOWN_AT])
        value = None
    return RawReading(value, unit, read_time(measured_at), known_at)
