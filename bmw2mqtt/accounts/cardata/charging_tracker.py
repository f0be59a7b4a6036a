"""Pass the readings of a car to the rules of charging, and keep their state.

BMW has several descriptors for one quantity. Each reading is passed on with its own times: the
rules order them by when they were measured.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from bmw2mqtt.accounts.cardata.telemetry.decode import LogUnknown
from bmw2mqtt.accounts.cardata.telemetry.descriptors import (
    BATTERY_PRECONDITIONING,
    BATTERY_SIZE,
    CHARGING_INPUTS,
    CHARGING_METHOD,
    CHARGING_POWER,
    CHARGING_QUANTITIES,
    CHARGING_STATUS,
    DC_PLUG,
    LATITUDE,
    MAX_ENERGY,
    PHASES,
    PLUG,
    SOC,
    SOC_AT_TRIP_END,
    TIME_TO_FULL,
    TIME_TO_TARGET,
)
from bmw2mqtt.accounts.cardata.telemetry.lookup import NEVER, ReadingLookup
from bmw2mqtt.accounts.cardata.telemetry.position import PositionFix
from bmw2mqtt.accounts.cardata.telemetry.reading import NewReading
from bmw2mqtt.accounts.cardata.telemetry.times import read_time
from bmw2mqtt.accounts.cardata.telemetry.vehicle_readings import VehicleReadings
from bmw2mqtt.vehicle.charging.capacity import usable_capacity_kwh
from bmw2mqtt.vehicle.charging.facts import ChargingFacts, Fact
from bmw2mqtt.vehicle.charging.machine import ChargingMachine
from bmw2mqtt.vehicle.charging.state import Transition
from bmw2mqtt.vehicle.charging.words import is_known, phase_count, status_of
from bmw2mqtt.vehicle.document import InvalidDocumentError
from bmw2mqtt.vehicle.snapshot import ChargingStatus, DriveTrain, Position

log = structlog.get_logger(__name__)

SAVE_EVERY = timedelta(seconds=30)
"""How often the state of a charge is written while nothing begins or ends."""
SAVED_EARLIER = timedelta(minutes=1)
"""How much earlier than the last readings the state may have been written before a crash."""
REPLACED_AFTER = timedelta(minutes=30)
"""How much older the time to the target may be before the time to full counts."""
MAX_POWER_W = 1e6
MAX_MINUTES = 24 * 60
"""A longer remaining time means that there is none."""
_QUANTITIES = {**CHARGING_QUANTITIES, LATITUDE: "position"}
_RANKS = {name: rank for rank, name in enumerate(_QUANTITIES)}
"""Of readings of the same moment the first name's counts, as everywhere."""
_CHAINS = {"status": CHARGING_STATUS, "is_plugged_in": (*PLUG, DC_PLUG)}
"""Quantities that can become unknown, by their descriptors."""


@dataclass(frozen=True, slots=True)
class _Source:
    """The descriptor that a quantity's newest known reading came from."""

    descriptor: str
    at: datetime


class ChargingTracker:
    """Follows the charging of one car."""

    def __init__(
        self,
        readings: VehicleReadings,
        document: object,
        *,
        log_unknown: LogUnknown,
        now: datetime,
    ) -> None:
        """Restore the state of an earlier run; the `document` is `None` if there is none."""
        self.machine = ChargingMachine()
        self._readings = readings
        self._log_unknown = log_unknown
        self.capacity_kwh: float | None = None
        """Usable capacity of the battery."""
        self._saved_at = NEVER
        self._is_unsaved = False
        self._settings: tuple[float | None, DriveTrain | None] | None = None
        self._sources: dict[str, _Source] = {}
        self._newest: dict[str, _Source] = {}
        """The descriptor of each quantity's last reading, known or not."""
        saved_at = NEVER
        is_complete = False
        if isinstance(document, dict):
            state = document.get("state")
            try:
                self.machine = ChargingMachine.from_document(state, now)
                saved_at = read_time(document.get("saved_at")) or NEVER
                is_complete = document.get("is_complete") is True
            except InvalidDocumentError as error:
                log.warning("charging_state_ignored", reason=str(error))
        known = [] if is_complete else self._known_readings(saved_at)
        self._note_known_sources()
        self._news = [*known, *readings.pop_charging_news()]
        self.due_at: datetime | None = None
        """When `judge` has to be called though nothing is new: something is over, or unknown."""

    def judge(
        self,
        lookup: ReadingLookup,
        *,
        drive_train: DriveTrain | None,
        model: str | None,
        now: datetime,
        configured_kwh: float | None = None,
    ) -> tuple[Transition, ...]:
        """Judge the readings that were recorded since the last time; return what happened."""
        capacity_kwh = usable_capacity_kwh(
            configured_kwh=configured_kwh,
            max_energy_kwh=lookup.number(MAX_ENERGY),
            battery_size_kwh=lookup.number(BATTERY_SIZE),
            model=model,
        )
        self.capacity_kwh = capacity_kwh
        news, self._news = [*self._news, *self._readings.pop_charging_news()], []
        transitions: list[Transition] = []
        if news or (capacity_kwh, drive_train) != self._settings:
            self._settings = capacity_kwh, drive_train
            for quantities in self._in_order(news):
                facts = ChargingFacts(
                    **quantities, capacity_kwh=capacity_kwh, drive_train=drive_train
                )
                transitions += self.machine.step(facts, now)
            self._is_unsaved = True
        elif self.due_at is not None and self.due_at <= now:
            transitions += self.machine.tick(now)
            self._is_unsaved = True
        if transitions:
            self._saved_at = NEVER
        self.due_at = self.machine.next_deadline(now)
        return tuple(transitions)

    @property
    def save_due_at(self) -> datetime | None:
        """Return when `unsaved_document` has to be called though nothing is new."""
        return self._saved_at + SAVE_EVERY if self._is_unsaved else None

    def unsaved_document(self, now: datetime, *, is_last: bool = False) -> object:
        """Return the state to be written to disk; `None`: not due, which the last one always is."""
        is_due = self._is_unsaved and not timedelta() <= now - self._saved_at < SAVE_EVERY
        if not (is_due or is_last):
            return None
        self._is_unsaved, self._saved_at = False, now
        state = self.machine.to_document(now)
        is_complete = is_last and not (self._news or self._readings.charging_news)
        return {"saved_at": now.isoformat(), "is_complete": is_complete, "state": state}

    def _known_readings(self, saved_at: datetime) -> list[NewReading]:
        """Return the stored readings that the restored state may not know.

        After a crash it may be older than they are; what it knows changes nothing.
        """
        since = NEVER if saved_at is NEVER else saved_at - SAVED_EARLIER
        waiting = {(new.descriptor, new.value) for new in self._readings.charging_news}
        known = []
        for name in CHARGING_INPUTS:
            reading = self._readings.view.get(name)
            if reading is None or reading.value is None or reading.measured_at is None:
                continue
            at = reading.measured_at
            if at >= since and (name, reading.value) not in waiting:
                known.append(NewReading(name, reading.value, at, at))
        fix = self._readings.position
        if fix is not None and fix.measured_at >= since:
            known.append(NewReading(LATITUDE, fix, fix.measured_at, fix.measured_at))
        return known

    def _note_known_sources(self) -> None:
        for chain in _CHAINS.values():
            for name in chain:
                if self._is_known(name):
                    self._note_source(name, self._readings.view[name].measured_at or NEVER)

    def _in_order(self, news: Iterable[NewReading]) -> Iterator[dict[str, Any]]:
        """Put readings together in the order in which they were measured.

        A quantity of which there are several readings takes several steps.
        """
        news = sorted(news, key=lambda new: -_RANKS[new.descriptor])
        measured = [pair for new in news for pair in self._measured(new)]
        measured.sort(key=lambda pair: pair[1].at)
        quantities: dict[str, Any] = {}
        for quantity, value in measured:
            if quantity in quantities:
                yield quantities
                quantities = {}
            quantities[quantity] = value
        yield quantities

    def _measured(self, new: NewReading) -> Iterator[tuple[str, Fact[Any]]]:
        """Translate a reading; what must not count is left out."""
        name, quantity = new.descriptor, _QUANTITIES[new.descriptor]
        at = Fact(None, new.stamped_at, new.received_at).at
        if new.value is None:
            source = self._sources.get(quantity)
            if quantity in _CHAINS and source is not None and source.descriptor == name:
                unknown = ChargingStatus.INVALID if quantity == "status" else None
                yield quantity, Fact(unknown, new.stamped_at, new.received_at)
            return
        if self._is_superseded(name, at):
            return
        value = self._translated(name, new.value)
        if value is None:
            return
        if name == DC_PLUG:
            yield "is_dc", Fact(value, new.stamped_at, new.received_at)
            source = self._sources.get(quantity)
            if value is False and source is not None and source.descriptor != DC_PLUG:
                return  # there is no DC plug: that says nothing about the other one
        if self._is_second_of_moment(name, at):
            return
        self._note_source(name, at)
        yield quantity, Fact(value, new.stamped_at, new.received_at)

    def _note_source(self, name: str, at: datetime) -> None:
        quantity = _QUANTITIES[name]
        known = self._sources.get(quantity)
        if quantity in _CHAINS and (known is None or at >= known.at):
            self._sources[quantity] = _Source(name, at)

    def _is_superseded(self, name: str, at: datetime) -> bool:
        """Return whether a better descriptor reports the same quantity."""
        if name == SOC_AT_TRIP_END:
            return any(self._is_known(soc) for soc in SOC)
        if name == TIME_TO_FULL and self._is_known(TIME_TO_TARGET):
            known = self._readings.view[TIME_TO_TARGET]
            is_recent = at - (known.measured_at or NEVER) <= REPLACED_AFTER
            return is_recent and self._translated(TIME_TO_TARGET, known.value) is not None
        return False

    def _is_second_of_moment(self, name: str, at: datetime) -> bool:
        """Return whether a descriptor that ranks higher has told of the same moment."""
        quantity = _QUANTITIES[name]
        newest = self._newest.get(quantity)
        if newest is not None and newest.at == at and _RANKS[newest.descriptor] < _RANKS[name]:
            return True
        if newest is None or at >= newest.at:
            self._newest[quantity] = _Source(name, at)
        return False

    def _is_known(self, name: str) -> bool:
        reading = self._readings.view.get(name)
        return reading is not None and reading.value is not None

    def _translated(self, name: str, value: Any) -> Any:
        """Return a value in the words and types of the rules; `None` if it says nothing."""
        if name in CHARGING_STATUS and not is_known(value):
            self._log_unknown(name, value)
        translate = _TRANSLATIONS.get(name)
        return value if translate is None else translate(value)


def _is_preconditioning(word: str) -> bool:
    return word not in {"off", "remote_off"}


def _is_dc(word: str) -> bool | None:
    return None if word == "nocharging" else not word.startswith("ac")


def _plausible_w(watts: float) -> float | None:
    return watts if abs(watts) <= MAX_POWER_W else None


def _plausible_minutes(minutes: float) -> float | None:
    return minutes if 0 <= minutes <= MAX_MINUTES else None


def _place(fix: PositionFix) -> Position:
    return Position(latitude=fix.latitude, longitude=fix.longitude)


_TRANSLATIONS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(CHARGING_STATUS, status_of),
    PHASES: phase_count,
    BATTERY_PRECONDITIONING: _is_preconditioning,
    CHARGING_METHOD: _is_dc,
    CHARGING_POWER: _plausible_w,
    TIME_TO_TARGET: _plausible_minutes,
    TIME_TO_FULL: _plausible_minutes,
    LATITUDE: _place,
}
