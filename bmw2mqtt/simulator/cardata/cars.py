"""The interface of a simulated CarData car, and a car whose readings a test sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from bmw2mqtt.simulator.clock import utc_now

from .catalogue import DESCRIPTORS, STREAMABLE
from .reading import NEVER_SUPPLIED, SimulatedReading, Value

Json = dict[str, Any]
Sink = Callable[[str, Mapping[str, SimulatedReading]], None]
"""Receives a car's reports: its VIN and the changed readings."""


class CarDataCar(Protocol):
    """A car: the answers to REST requests about it, and the reports that it streams."""

    needs_ticks: bool
    """Whether `tick` must be called regularly."""

    @property
    def vin(self) -> str:
        """The vehicle identification number, 17 characters."""

    def basic_data(self) -> Json:
        """Return the answer to `basicData`, with the keys of BMW's OpenAPI document."""

    def readings(self) -> Mapping[str, SimulatedReading]:
        """Return the newest reading of every descriptor that the car ever reported."""

    def image(self) -> bytes | None:
        """Return a PNG, or `None` if there is none."""

    def charging_sessions(self) -> list[Json]:
        """Return the charging history, oldest first."""

    def charging_places(self) -> list[Json]:
        """Return the settings of the places where the car charges."""

    def tyre_diagnosis(self) -> Json:
        """Return the answer to `smartMaintenanceTyreDiagnosis`."""

    def subscribe(self, sink: Sink) -> None:
        """Report to `sink` from now on."""

    def tick(self) -> None:
        """Advance the car to the current time and report what changed."""


class RecordedCarDataCar:
    """A car whose readings a test sets.

    `store` changes what REST answers; `report` streams the readings as well.
    """

    needs_ticks = False

    def __init__(
        self,
        vin: str,
        readings: Mapping[str, SimulatedReading | Value] | None = None,
        *,
        basic_data: Json | None = None,
        image: bytes | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.vin = vin
        self.basic: Json = {"vin": vin, "brand": "BMW", "modelName": "i4 eDrive40"}
        self.basic.update(basic_data or {})
        self.picture = image
        self.sessions: list[Json] = []
        self.places: list[Json] = []
        self.tyres: Json = {"passengerCar": {}, "errors": []}
        self._clock = clock
        self._readings: dict[str, SimulatedReading] = {}
        self._sinks: list[Sink] = []
        self.store(readings or {})

    def __repr__(self) -> str:
        return f"RecordedCarDataCar({self.vin!r}, {self.basic.get('modelName')!r})"

    def store(
        self,
        readings: Mapping[str, SimulatedReading | Value],
        *,
        measured_at: datetime | None = None,
    ) -> dict[str, SimulatedReading]:
        """Store readings and return them; a plain value keeps its unit and is measured now."""
        at = measured_at or self._clock()
        kept = {name: self._reading(name, reading, at) for name, reading in readings.items()}
        self._readings.update(kept)
        return kept

    def report(
        self,
        readings: Mapping[str, SimulatedReading | Value],
        *,
        measured_at: datetime | None = None,
    ) -> None:
        """Store readings, and stream those that BMW streams in one message."""
        kept = self.store(readings, measured_at=measured_at)
        streamed = {name: kept[name] for name in kept if is_streamed(name)}
        for sink in self._sinks if streamed else ():
            sink(self.vin, streamed)

    def clear(self, names: Iterable[str]) -> None:
        """Remove values at BMW, as happens when a warning ends."""
        self._readings.update(dict.fromkeys(names, NEVER_SUPPLIED))

    def _reading(
        self, name: str, reading: SimulatedReading | Value, at: datetime
    ) -> SimulatedReading:
        if isinstance(reading, SimulatedReading):
            is_timed = reading.measured_at is not None or reading.value is None
            return reading if is_timed else replace(reading, measured_at=at)
        return SimulatedReading(reading, self._readings.get(name, NEVER_SUPPLIED).unit, at)

    def basic_data(self) -> Json:
        """Return `basic`."""
        return self.basic

    def readings(self) -> Mapping[str, SimulatedReading]:
        """Return what was stored and reported."""
        return self._readings

    def image(self) -> bytes | None:
        """Return `picture`."""
        return self.picture

    def charging_sessions(self) -> list[Json]:
        """Return `sessions`."""
        return self.sessions

    def charging_places(self) -> list[Json]:
        """Return `places`."""
        return self.places

    def tyre_diagnosis(self) -> Json:
        """Return `tyres`."""
        return self.tyres

    def subscribe(self, sink: Sink) -> None:
        """Report to `sink` as well."""
        self._sinks.append(sink)

    def tick(self) -> None:
        """Do nothing: only a test changes this car."""


def is_streamed(descriptor: str) -> bool:
    """Return whether BMW streams a descriptor; those missing from its catalogue are streamed."""
    return descriptor in STREAMABLE or descriptor not in DESCRIPTORS
