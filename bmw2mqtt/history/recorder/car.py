"""Records one car: its charges, trips and readings, and what is published of them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from bmw2mqtt.history.recorder.battery_12v import Battery12VRecorder
from bmw2mqtt.history.recorder.charges import ChargeRecorder
from bmw2mqtt.history.recorder.drives import DriveRecorder
from bmw2mqtt.history.recorder.energy import EnergyCounters
from bmw2mqtt.history.recorder.options import NO_SOURCES, Outputs, RecorderOptions, Sources
from bmw2mqtt.history.recorder.readings import ReadingRecorder
from bmw2mqtt.history.recorder.recorded import RecordedSession
from bmw2mqtt.history.records import CarRecord, OpenState, ReadingRecord
from bmw2mqtt.vehicle.history import ChargeSummary, TripSummary, VehicleHistory
from bmw2mqtt.vehicle.observed import ChargeRecord, ObservedVehicle

COMPLETE_KIND: Final = "complete"
"""`OpenState.kind` of whether the run was stopped in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCar:
    """What an earlier run has stored of a car."""

    car: CarRecord | None = None
    sessions: dict[str, RecordedSession] = field(default_factory=dict)
    """Those that may still change, by id, oldest first."""
    trips: str | None = None
    """What the rules about trips remember, JSON."""
    battery_12v: str | None = None
    """What the rules about the 12 V battery remember, JSON."""
    last_charge: ChargeSummary | None = None
    last_trip: TripSummary | None = None
    reading: ReadingRecord | None = None
    """The last one."""
    is_complete: bool = False
    """Everything that was published is in it: that run was stopped, not killed."""


class CarRecorder:
    """One car."""

    def __init__(
        self,
        vin: str,
        options: RecorderOptions,
        outputs: Outputs,
        *,
        stored: StoredCar,
        now: datetime,
        sources: Sources = NO_SOURCES,
    ) -> None:
        """Continue with what is stored."""
        self.vin = vin
        self._options, self._outputs = options, outputs
        self._counters = EnergyCounters(stored.car, now, is_complete=stored.is_complete)
        if stored.is_complete:
            outputs.put(OpenState.of(vin, COMPLETE_KIND, document=False, now=now))
        self._charges = ChargeRecorder(
            vin,
            options,
            outputs,
            counters=self._counters,
            sessions=dict(stored.sessions),
            last=stored.last_charge,
            sources=sources,
        )
        self._drives = DriveRecorder(
            vin, options, outputs, state=stored.trips, last=stored.last_trip
        )
        self._battery_12v = Battery12VRecorder(vin, outputs, state=stored.battery_12v)
        self._readings = ReadingRecorder(vin, outputs.put, stored.reading)
        self._published: VehicleHistory | None = None

    def update(self, observed: ObservedVehicle) -> None:
        """Record what is new, and publish what has changed."""
        self._charges.update(observed)
        self._drives.update(observed)
        self._battery_12v.update(observed)
        self._readings.update(observed)
        self.publish()

    def import_records(
        self,
        known: dict[str, RecordedSession],
        records: tuple[ChargeRecord, ...],
        now: datetime,
    ) -> dict[int, tuple[int, ...]]:
        """Merge BMW's own record of its charges; see `ChargeRecorder.import_records`."""
        absorbed = self._charges.import_records(known, records, now)
        self.publish()
        return absorbed

    def tick(self, now: datetime) -> None:
        """Do what time alone does."""
        self._charges.tick(now)
        self._drives.tick(now)
        self._battery_12v.tick(now)
        self._readings.tick(now)
        self.publish()

    def continue_from(self, everywhere_kwh: float, home_kwh: float, now: datetime) -> None:
        """Go on with the energy that was published last."""
        if not self._counters.is_known:
            self._charges.continue_from(everywhere_kwh, home_kwh, now)
            self.publish()

    def forget_positions(self, now: datetime) -> None:
        """Forget every position so far."""
        self._charges.forget_positions(now)
        self._drives.forget_positions(now)

    def save(self, now: datetime) -> None:
        """Write everything that waits; nothing is published any more."""
        self._charges.save(now)
        self._drives.save(now)
        self._battery_12v.save(now)
        self._readings.save()
        if self._counters.is_known:
            self._outputs.put(OpenState.of(self.vin, COMPLETE_KIND, document=True, now=now))

    def publish(self) -> None:
        """Publish what is known of its past, if that has changed."""
        history = self._history()
        if history != self._published:
            self._published = history
            self._outputs.publish(self.vin, history)

    def _history(self) -> VehicleHistory:
        counters = self._counters
        has_home = self._options.home is not None
        return VehicleHistory(
            energy_kwh=round(counters.everywhere.total_kwh, 2) if counters.is_known else None,
            energy_home_kwh=round(counters.home.total_kwh, 2)
            if counters.is_known and has_home
            else None,
            estimated_share=round(counters.estimated_share, 2) if counters.is_known else None,
            last_charge=self._charges.last,
            last_trip=self._drives.last,
            battery_12v=self._battery_12v.summary,
        )
