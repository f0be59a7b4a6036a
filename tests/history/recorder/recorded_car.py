"""A car whose charges and trips are recorded; a restart of the bridge costs what it costs there."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bmw2mqtt.history.recorder.battery_12v import BATTERY_KIND
from bmw2mqtt.history.recorder.car import CarRecorder, StoredCar
from bmw2mqtt.history.recorder.charges import KEPT
from bmw2mqtt.history.recorder.drives import STATE_KIND, last_trip
from bmw2mqtt.history.recorder.meters import WallboxMeter
from bmw2mqtt.history.recorder.options import NO_SOURCES, Outputs, RecorderOptions, Sources
from bmw2mqtt.history.recorder.recorded import ABSORBED, STATE_PREFIX, read_session
from bmw2mqtt.history.records import (
    CarRecord,
    OpenState,
    ReadingRecord,
    Record,
    SessionRecord,
    TripRecord,
    identity,
)
from bmw2mqtt.history.sessions import last_charge
from bmw2mqtt.vehicle.charging.state import Transition
from bmw2mqtt.vehicle.history import HistoryEvent, VehicleHistory
from bmw2mqtt.vehicle.observed import ChargeRecord, ObservedVehicle, charging_sign
from bmw2mqtt.vehicle.trips import Coordinates, Home, Measured, Observation
from tests.history.samples import VIN
from tests.vehicle.charging.scenario import HOME, T0, Scenario

HOUSE = Home(*HOME, radius_m=150)
BEGIN = T0 - timedelta(hours=1)


class RecordedCar:
    """A recorder with what it has written, published and sent."""

    def __init__(
        self,
        counter_kwh: float | None = 100.0,
        *,
        sources: Sources = NO_SOURCES,
        **options: Any,
    ) -> None:
        """Begin with a counter that an earlier run has stored, or without any file."""
        self.options = RecorderOptions(**{"home": HOUSE} | options)
        self.sources = sources
        self.rows: dict[object, Record] = {}
        self.published: list[VehicleHistory] = []
        self.events: list[HistoryEvent] = []
        since_at = int((BEGIN - timedelta(days=1)).timestamp())
        if counter_kwh is not None:
            self._put(CarRecord(vin=VIN, counter_kwh=counter_kwh, since_at=since_at))
        self.recorder = self._made(BEGIN)
        if counter_kwh is not None:
            self.retained_read(BEGIN)

    def restart(self, now: datetime, *, is_killed: bool = False) -> None:
        """Start the recorder anew, from what was written."""
        if not is_killed:
            self.recorder.save(now)
        if self.sources.meter is not None:
            meter = WallboxMeter()
            meter.restore({VIN: self._stored().sessions})
            self.sources = replace(self.sources, meter=meter)
        self.recorder = self._made(now)
        self.retained_read(now)

    def retained_read(self, now: datetime) -> None:
        """Do what the bridge does when the broker has sent what it retains."""
        known = [history for history in self.published if history.energy_kwh is not None]
        last = known[-1] if known else VehicleHistory()
        self.recorder.continue_from(last.energy_kwh or 0.0, last.energy_home_kwh or 0.0, now)

    def import_records(self, records: Sequence[ChargeRecord], now: datetime) -> None:
        """Do what the service does with BMW's record of charges."""
        known = self._stored(most=None).sessions
        absorbed = self.recorder.import_records(known, tuple(records), now)
        gone = {key for keys in absorbed.values() for key in keys}
        for name, row in list(self.rows.items()):
            if isinstance(row, SessionRecord) and row.key in gone:
                del self.rows[name]

    def _made(self, now: datetime) -> CarRecorder:
        outputs = Outputs(
            put=self._put,
            publish=lambda _, history: self.published.append(history),
            send=lambda _, event: self.events.append(event),
        )
        stored = self._stored()
        return CarRecorder(VIN, self.options, outputs, stored=stored, now=now, sources=self.sources)

    def _put(self, record: Record) -> None:
        self.rows[identity(record)] = record

    def _stored(self, most: int | None = KEPT) -> StoredCar:
        sessions = {
            row.kind.removeprefix(STATE_PREFIX): read_session(VIN, row.json)
            for row in self.of(OpenState)
            if row.kind.startswith(STATE_PREFIX) and row.json != ABSORBED
        }
        trips = [row.json for row in self.of(OpenState) if row.kind == STATE_KIND]
        battery = [row.json for row in self.of(OpenState) if row.kind == BATTERY_KIND]
        over = [row for row in self.sessions if row.status in {"ended", "failed"}]
        listed = [row for row in over if not row.is_hidden]
        return StoredCar(
            car=next(iter(self.of(CarRecord)), None),
            sessions={name: sessions[name] for name in sorted(sessions)[-(most or 1000) :]},
            trips=trips[0] if trips else None,
            battery_12v=battery[0] if battery else None,
            last_charge=last_charge(listed[-1]) if listed else None,
            last_trip=last_trip(self.trips[-1]) if self.trips else None,
            reading=max(self.of(ReadingRecord), key=lambda row: row.key, default=None),
        )

    def of(self, kind: type[Any]) -> list[Any]:
        return [row for row in self.rows.values() if isinstance(row, kind)]

    @property
    def sessions(self) -> list[SessionRecord]:
        return sorted(self.of(SessionRecord), key=lambda row: row.key)

    @property
    def trips(self) -> list[TripRecord]:
        return sorted(self.of(TripRecord), key=lambda row: row.key)

    @property
    def energy_kwh(self) -> float | None:
        return self.published[-1].energy_kwh if self.published else None

    def heard(self) -> list[str]:
        return [event.event_type.value for event in self.events]


class RecordedScenario(Scenario):
    """A scenario of the rules of charging with a recorder behind the machine."""

    def __init__(self, *, killed_after_each: bool = False, **settings: Any) -> None:
        self.car = RecordedCar(**settings.pop("recorder", {}))
        self._killed_after_each = killed_after_each
        super().__init__(**settings)

    def restart(self, off: str, on: str) -> None:
        super().restart(off, on)
        self.car.restart(self.now)

    def _noted(self, transitions: tuple[Transition, ...]) -> None:
        self.transitions += transitions
        state = self.machine.to_document(self.now)
        position = self.machine._state.facts.position
        fix = position and Measured(
            Coordinates(position.value.latitude, position.value.longitude), position.at
        )
        odometer = self.machine._state.facts.odometer_km
        driving = Observation(
            received_at=self.now,
            drive_train=self.settings["drive_train"],
            capacity_kwh=self.machine._state.facts.capacity_kwh,
            position=fix or None,
            odometer_km=odometer and Measured(odometer.value, odometer.at),
            is_charging=charging_sign(self.machine.session),
        )
        observed = ObservedVehicle(
            vin=VIN,
            at=self.now,
            transitions=transitions,
            session=self.machine.session,
            driving=driving,
            power_kw=self.shown.power_kw,
        )
        self.car.recorder.update(observed)
        self.car.recorder.tick(self.now)
        assert json.dumps(state)
        if self._killed_after_each:
            self.car.restart(self.now, is_killed=True)

    @property
    def count_kwh(self) -> float:
        assert self.car.energy_kwh is not None
        return self.car.energy_kwh


def epoch(moment: datetime) -> int:
    return int(moment.timestamp())


__all__ = ["BEGIN", "HOUSE", "RecordedCar", "RecordedScenario", "epoch", "replace"]
