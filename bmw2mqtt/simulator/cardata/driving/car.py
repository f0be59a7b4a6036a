"""A car that drives and charges, as CarData reports it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from bmw2mqtt.simulator.cardata.reading import NEVER_SUPPLIED, SimulatedReading
from bmw2mqtt.simulator.clock import utc_now
from bmw2mqtt.simulator.driving import SimulatedDrive
from bmw2mqtt.simulator.pictures import read_picture

from . import descriptors, models, records
from .behaviour import ReportBehaviour

if TYPE_CHECKING:
    from bmw2mqtt.simulator.cardata.cars import Json, Sink
    from bmw2mqtt.simulator.driving import CarModel
    from bmw2mqtt.simulator.driving.condition import Condition

REPEAT_EVERY: Final = 5
"""One message in so many is sent twice, as BMW does occasionally."""
LONG_AGO: Final = datetime(2021, 3, 4, 15, 8, tzinfo=UTC)
CHECK_CONTROL: Final = "vehicle.status.checkControlMessages"
TRIP_END: Final = "vehicle.trip.segment.end.travelledDistance"
TRIP_END_TIME: Final = "vehicle.trip.segment.end.time"
STALE: Final = {
    "vehicle.channel.teleservice.lastBreakdownCallTime": SimulatedReading("-NA-", None, LONG_AGO),
    "vehicle.channel.teleservice.lastManualCallTime": SimulatedReading(
        "04.03.2021 15:08 UTC", None, LONG_AGO
    ),
    "vehicle.cabin.infotainment.navigation.currentLocation.altitude": SimulatedReading(
        "-NA-", "m", LONG_AGO
    ),
    "vehicle.electricalSystem.battery.stateOfCharge": SimulatedReading(None, "percent"),
    "vehicle.vehicle.avgSpeed": SimulatedReading("INVALID", "km/h", LONG_AGO),
}
"""Readings that are years old, or that the car never supplied."""


class DrivingCarDataCar:
    """A car that drives and charges (see `SimulatedDrive`), and streams what changes.

    A message has a few keys. Positions come in two messages, locking repeats all doors and windows,
    and some messages come twice. A warning comes up with every drive and goes when the car is
    locked. `behaviour` makes it as odd as other cars; a test may change it at any time.
    """

    needs_ticks = True

    def __init__(
        self,
        model: CarModel,
        *,
        clock: Callable[[], datetime] = utc_now,
        speed: float = 1.0,
        behaviour: ReportBehaviour | None = None,
    ) -> None:
        self.model = model
        self.behaviour = ReportBehaviour()
        self._drive = SimulatedDrive(model, clock=clock, speed=speed)
        self._sinks: list[Sink] = []
        self._readings: dict[str, SimulatedReading] = dict(STALE)
        self._messages = 0
        self._catch_up()
        if behaviour is not None:
            self.behaviour = behaviour

    def __repr__(self) -> str:
        return f"DrivingCarDataCar({self.vin!r}, {self.model.name!r})"

    @property
    def vin(self) -> str:
        """The VIN of its model."""
        return self.model.vin

    def basic_data(self) -> Json:
        """Return the answer to `basicData`."""
        return models.basic_data(self.model)

    def readings(self) -> Mapping[str, SimulatedReading]:
        """Return the newest readings, after the car has reported."""
        self.tick()
        return self._readings

    def image(self) -> bytes:
        """Return the picture of its model."""
        return read_picture(self.model.picture)

    def charging_sessions(self) -> list[Json]:
        """Return the charging history, oldest first."""
        return records.charging_sessions(self.model, self._drive.started_at)

    def charging_places(self) -> list[Json]:
        """Return the settings at home, for a car with a plug."""
        return records.charging_places(self.model)

    def tyre_diagnosis(self) -> Json:
        """Return the answer to `smartMaintenanceTyreDiagnosis`."""
        return records.tyre_diagnosis(self.model)

    def subscribe(self, sink: Sink) -> None:
        """Report to `sink` as well."""
        self._sinks.append(sink)

    def tick(self) -> None:
        """Advance to the current time and stream what changed."""
        for message in self._catch_up():
            self._messages += 1
            for _ in range(1 if self._messages % REPEAT_EVERY else 2):
                for sink in self._sinks:
                    sink(self.vin, message)

    def _catch_up(self) -> list[dict[str, SimulatedReading]]:
        """Update the readings from the car's report; return the messages about what changed."""
        at, condition = self._drive.report()
        if self.behaviour.is_silent:
            return []
        reported = self.behaviour.reported(self._changed(condition, at), at)
        stale = self.behaviour.stale(self._readings, reported, at)
        self._readings.update(reported)
        self._warn(condition, at)
        return [*self.behaviour.messages(stale), *self.behaviour.messages(reported)]

    def _changed(self, condition: Condition, at: datetime) -> dict[str, SimulatedReading]:
        """Return the readings that differ from those of before, and what is repeated with them."""
        values = self.behaviour.displayed(descriptors.values(self._drive, condition))
        changed = {
            name: SimulatedReading(*values[name], at)
            for name in values
            if self._readings.get(name, NEVER_SUPPLIED).value != values[name][0]
        }
        if descriptors.DOOR_STATUS in changed:
            for name in sorted(descriptors.LOCK_BURST - changed.keys()):
                changed[name] = SimulatedReading(*values[name], at)
        if TRIP_END in changed:
            changed[TRIP_END_TIME] = SimulatedReading(descriptors.text_date(at), None, at)
        return changed

    def _warn(self, condition: Condition, at: datetime) -> None:
        """Set or clear the warning; a cleared one has neither value nor time at BMW."""
        is_on = self._readings.get(CHECK_CONTROL, NEVER_SUPPLIED).value is not None
        if condition.is_driving and not is_on:
            text = descriptors.check_control_messages(int(condition.mileage_km))
            self._readings[CHECK_CONTROL] = SimulatedReading(text, None, at)
        elif condition.locked and is_on:
            self._readings[CHECK_CONTROL] = NEVER_SUPPLIED


def demo_cars(
    *, clock: Callable[[], datetime] = utc_now, speed: float = 1.0
) -> tuple[DrivingCarDataCar, DrivingCarDataCar]:
    """Return the two cars of the demo, in their initial condition."""
    electric, hybrid = (
        DrivingCarDataCar(model, clock=clock, speed=speed)
        for model in (models.CARDATA_ELECTRIC, models.CARDATA_HYBRID)
    )
    return electric, hybrid
