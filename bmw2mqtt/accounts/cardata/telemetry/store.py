"""The newest reading of everything each car has told, from the stream and from REST.

BMW sends a value when it changes and never again, so the readings are kept over restarts.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bmw2mqtt.accounts.background_writer import BackgroundWriter
from bmw2mqtt.accounts.cardata.telemetry.database import ReadingDatabase, Row
from bmw2mqtt.accounts.cardata.telemetry.decode import MeaninglessError, interpret, read_time
from bmw2mqtt.accounts.cardata.telemetry.lookup import DISTANCE_UNITS, NEVER, ReadingLookup
from bmw2mqtt.accounts.cardata.telemetry.position import Coordinate, PositionFix, PositionPairing
from bmw2mqtt.accounts.unknown_values import UnknownValueLog
from bmw2mqtt.entities.catalogue import Descriptor, catalogue
from bmw2mqtt.vehicle.snapshot import Reading
from bmw2mqtt.vehicle.vin import is_vin

MAX_CARS = 1000
CLOCK_TOLERANCE = timedelta(minutes=5)
"""Cars' clocks go wrong, and ours; what was measured later than that is taken as just measured."""
LONGEST_UNIT = 40
_LAST_MOMENT = timedelta(microseconds=999_999)
_DISPLAY_UNITS = frozenset(DISTANCE_UNITS)
_IN_MILES = {"km": "mi", "kWh/100km": "mi/kWh"}
"""What a display in miles shows instead."""

_LOCATION = "vehicle.cabin.infotainment.navigation.currentLocation."
LATITUDE, LONGITUDE = f"{_LOCATION}latitude", f"{_LOCATION}longitude"
_POSITION = frozenset({LATITUDE, LONGITUDE})
MESSAGES = "vehicle.status.checkControlMessages"
NO_MESSAGES = Reading(value="[]")
NOTHING: Mapping[str, Reading] = MappingProxyType({})


class _Car:
    """What one car has told."""

    def __init__(self) -> None:
        self.readings: dict[str, Reading] = {}
        self.view = MappingProxyType(self.readings)
        self.track = PositionPairing()


class ReadingStore:
    """The readings of an account's cars."""

    def __init__(
        self, path: Path, writer: BackgroundWriter | None = None, *, has_locks: bool = True
    ) -> None:
        """Prepare; `open` reads what an earlier run left.

        Args:
            path: the file that keeps them.
            writer: writes it, off the event loop.
            has_locks: whether the file system can lock files.
        """
        self._shelf = ReadingDatabase(path, has_locks=has_locks)
        self._writer = writer or BackgroundWriter()
        self._catalogue = catalogue()
        self._cars: dict[str, _Car] = {}
        self._unsaved: dict[tuple[str, str], tuple[Any, Any, datetime | None]] = {}
        """Value, unit and time by VIN and descriptor, as BMW sent them."""
        self._report_word = UnknownValueLog()
        self._report_descriptor = UnknownValueLog("unknown_descriptor")

    def open(self) -> None:
        """Read what an earlier run left; a damaged file is set aside and named.

        It may take a while: in the event loop, call it in a thread.
        """
        for vin, name, value, unit, measured_at in self._shelf.open():
            row = self._catalogue.get(name)
            if row is None or not is_vin(vin):
                continue
            reading = self._restored(row, value, unit, measured_at)
            if reading is not None:
                self._cars.setdefault(vin, _Car()).readings[name] = reading
        for car in self._cars.values():
            car.track = PositionPairing(_last_fix(car.readings))

    def close(self) -> None:
        """Write what is not yet written."""
        self.commit()
        self._writer.submit(self._shelf.close, lambda _: None)

    def take(self, vin: str, data: Mapping[str, Any], received_at: datetime) -> bool:
        """Take a stream message's `data`, or REST's `telematicData`; never raises for bad input.

        Args:
            vin: the car; anything that is no VIN is ignored.
            data: by descriptor, `{"value", "unit", "timestamp"}`.
            received_at: when it came, with a time zone; it stands in for times that are missing.

        Returns:
            Whether there is anything new.
        """
        if not isinstance(vin, str) or not isinstance(data, Mapping):
            return False  # type: ignore[unreachable] # BMW may send anything
        car = self._cars.get(vin)
        if car is None:
            if not is_vin(vin) or len(self._cars) >= MAX_CARS:
                return False
            car = self._cars[vin] = _Car()
        is_changed = False
        unit_before = None if _DISPLAY_UNITS.isdisjoint(data) else self._display_unit(car)
        for name, entry in data.items():
            row = self._catalogue.get(name)
            if row is None:
                self._report_descriptor(str(name), "")
            elif isinstance(entry, dict) and name not in _POSITION:
                is_changed |= self._take_entry(vin, car, row, entry, received_at)
        if not _POSITION.isdisjoint(data):
            is_changed |= self._take_position(vin, car, data, received_at)
        if unit_before is not None:
            self._keep_units(vin, car, is_in_miles=unit_before)
        return is_changed

    def commit(self) -> None:
        """Write what changed since the last time; call it before the values are published."""
        if not self._unsaved:
            return
        unsaved, self._unsaved = self._unsaved, {}
        rows = [_row(*key, *raw) for key, raw in unsaved.items()]

        def done(is_saved: bool) -> None:  # noqa: FBT001 - the writer's result
            if not is_saved:
                again = {key: raw for key, raw in unsaved.items() if key[0] in self._cars}
                self._unsaved = again | self._unsaved

        self._writer.submit(lambda: self._shelf.save(rows), done)

    def of(self, vin: str) -> Mapping[str, Reading]:
        """Return a car's readings by descriptor: a view that changes with the next `take`."""
        car = self._cars.get(vin)
        return NOTHING if car is None else car.view

    def knows(self, vin: str) -> bool:
        """Whether this car has told anything."""
        car = self._cars.get(vin)
        return car is not None and bool(car.readings)

    def vins(self) -> frozenset[str]:
        """Return the cars that have told anything."""
        return frozenset(vin for vin, car in self._cars.items() if car.readings)

    def measured_at(self) -> dict[str, datetime]:
        """Return when each of those cars last measured something."""
        return {
            vin: max(reading.measured_at or NEVER for reading in car.readings.values())
            for vin, car in self._cars.items()
            if car.readings
        }

    def forget(self, vin: str) -> None:
        """Forget a car, on disk too."""
        if self._cars.pop(vin, None) is not None:
            self._unsaved = {key: raw for key, raw in self._unsaved.items() if key[0] != vin}
            self._writer.submit(lambda: self._shelf.forget(vin), lambda _: None)

    def _take_entry(
        self, vin: str, car: _Car, row: Descriptor, entry: Mapping[str, Any], received_at: datetime
    ) -> bool:
        name, value = row.descriptor, entry.get("value")
        measured_at = _moment(entry.get("timestamp"))
        if measured_at is None and value is None:
            return self._take_nothing(vin, car, name)
        latest = received_at + CLOCK_TOLERANCE
        is_timed = measured_at is not None and measured_at <= latest
        if measured_at is None or not is_timed:
            measured_at = received_at
        known = car.readings.get(name)
        if known is not None and _is_old(known, measured_at, latest):
            return False
        reading = self._interpreted(row, value, entry.get("unit"))
        if known is None:
            if reading.value is None:
                return False  # it never had it
        elif _is_same(known, reading) and (
            not is_timed or known.measured_at == measured_at or name in _DISPLAY_UNITS
        ):
            return False  # of the display's unit it matters since when it is so
        elif (
            known.unit
            and reading.unit is None
            and reading.value is not None
            and self._is_before_display(car, measured_at)
        ):
            return False
        car.readings[name] = Reading(
            value=reading.value, unit=reading.unit, measured_at=measured_at
        )
        raw = value if reading.value is not None else None
        self._unsaved[vin, name] = (raw, entry.get("unit"), measured_at)
        return True

    def _display_unit(self, car: _Car) -> bool | None:
        """Return whether the car's display is in miles; `None` if it has not told."""
        newest = ReadingLookup(car.readings, self._report_word)
        return None if newest.find(*DISTANCE_UNITS) is None else newest.is_in_miles

    def _is_before_display(self, car: _Car, measured_at: datetime) -> bool:
        """Whether the display may have been in another unit then."""
        unit = ReadingLookup(car.readings, self._report_word).find(*DISTANCE_UNITS)
        return unit is not None and measured_at < (unit.measured_at or NEVER)

    def _keep_units(self, vin: str, car: _Car, *, is_in_miles: bool) -> None:
        """Give what was measured without a unit the display's one of then, if it has changed."""
        unit = ReadingLookup(car.readings, self._report_word).find(*DISTANCE_UNITS)
        if unit is None or self._display_unit(car) is is_in_miles:
            return
        changed_at = unit.measured_at or NEVER
        for name, reading in list(car.readings.items()):
            row = self._catalogue[name]
            is_older = (reading.measured_at or NEVER) < changed_at
            if not (row.follows_display and is_older) or reading.unit or reading.value is None:
                continue
            spelled = _IN_MILES.get(row.unit or "") if is_in_miles else row.unit
            kept = self._interpreted(row, reading.value, spelled)
            car.readings[name] = replace(kept, measured_at=reading.measured_at)
            self._unsaved[vin, name] = (reading.value, spelled, reading.measured_at)

    def _take_nothing(self, vin: str, car: _Car, name: str) -> bool:
        """Take an entry without value and time: the car never supplied it.

        Only messages of the car are different: BMW says so when the last one is gone.
        """
        if name != MESSAGES or car.readings.get(name) == NO_MESSAGES:
            return False
        car.readings[name] = NO_MESSAGES
        self._unsaved[vin, name] = (NO_MESSAGES.value, None, None)
        return True

    def _take_position(
        self, vin: str, car: _Car, data: Mapping[str, Any], received_at: datetime
    ) -> bool:
        """Take one or both halves; a car that does not know where it is stays where it was."""
        latitude = self._half(LATITUDE, data, received_at)
        longitude = self._half(LONGITUDE, data, received_at)
        fix = car.track.take(latitude, longitude)
        if fix is None:
            return False
        for name, degrees in ((LATITUDE, fix.latitude), (LONGITUDE, fix.longitude)):
            car.readings[name] = Reading(value=degrees, unit="°", measured_at=fix.measured_at)
            self._unsaved[vin, name] = (degrees, None, fix.measured_at)
        return True

    def _half(self, name: str, data: Mapping[str, Any], received_at: datetime) -> Coordinate | None:
        entry = data.get(name)
        if not isinstance(entry, dict):
            return None
        degrees = self._interpreted(self._catalogue[name], entry.get("value"), None).value
        if not isinstance(degrees, float):
            return None
        measured_at = _moment(entry.get("timestamp"))
        if measured_at is None or measured_at > received_at + CLOCK_TOLERANCE:
            measured_at = received_at
        return Coordinate(degrees, measured_at, received_at)

    def _interpreted(self, row: Descriptor, value: object, unit: object) -> Reading:
        try:
            return interpret(row, value, unit, self._report_word)
        except MeaninglessError:
            is_private = "navigation" in row.descriptor  # a place
            is_shown = isinstance(value, str) and len(value) <= LONGEST_UNIT and not is_private
            self._report_word(row.descriptor, str(value) if is_shown else type(value).__name__)
            return Reading(value=None)

    def _restored(
        self, row: Descriptor, value: str, unit: str | None, measured_at: str | None
    ) -> Reading | None:
        try:
            reading = interpret(row, json.loads(value), unit, self._report_word)
        except (ValueError, RecursionError):  # the catalogue has changed, or somebody edited it
            return None
        return replace(reading, measured_at=_moment(measured_at))


def _is_old(known: Reading, measured_at: datetime, latest: datetime) -> bool:
    """Whether there is a newer reading; one of the future came from a clock that was wrong.

    The stream tells seconds, REST thousandths: a whole second may be any moment of it, and what
    the stream told last is as a rule the newest.
    """
    if known.measured_at is None or known.measured_at > latest:
        return False
    return _end_of(measured_at) < _end_of(known.measured_at)


def _end_of(at: datetime) -> datetime:
    return at if at.microsecond else at + _LAST_MOMENT


def _is_same(known: Reading, reading: Reading) -> bool:
    return known.value == reading.value and known.unit == reading.unit


def _moment(text: object) -> datetime | None:
    if not isinstance(text, str) or len(text) > LONGEST_UNIT:
        return None
    return read_time(text)


def _row(vin: str, name: str, value: Any, unit: Any, measured_at: datetime | None) -> Row:
    return (
        vin,
        name,
        json.dumps(value),
        _stored_unit(unit),
        measured_at.isoformat() if measured_at else None,
    )


def _stored_unit(unit: Any) -> str | None:
    """Keep text that any database takes: JSON may hold half a surrogate pair."""
    if not isinstance(unit, str) or len(unit) > LONGEST_UNIT:
        return None
    return unit.encode(errors="replace").decode()


def _last_fix(readings: Mapping[str, Reading]) -> PositionFix | None:
    latitude, longitude = readings.get(LATITUDE), readings.get(LONGITUDE)
    if latitude is None or longitude is None or latitude.measured_at is None:
        return None
    if not isinstance(latitude.value, float) or not isinstance(longitude.value, float):
        return None
    return PositionFix(latitude.value, longitude.value, latitude.measured_at)
