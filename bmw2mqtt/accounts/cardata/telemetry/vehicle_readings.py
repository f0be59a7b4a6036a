"""The readings of one car: the newest of each descriptor, in the catalogue's units."""

from collections import deque
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from bmw2mqtt.accounts.cardata.telemetry.decode import (
    KM_PER_MILE,
    LogUnknown,
    UndecodableValueError,
    decode,
)
from bmw2mqtt.accounts.cardata.telemetry.descriptors import (
    CHARGING_INPUTS,
    DISTANCE_UNITS,
    LATITUDE,
    LONGITUDE,
    MESSAGES,
    ODOMETER,
    SOC,
    TRAVELLED_DISTANCE,
)
from bmw2mqtt.accounts.cardata.telemetry.lookup import NEVER, ReadingLookup
from bmw2mqtt.accounts.cardata.telemetry.odometer import OdometerFilter
from bmw2mqtt.accounts.cardata.telemetry.position import (
    Coordinate,
    PositionFix,
    PositionPairing,
    fix_of,
    read_coordinate,
)
from bmw2mqtt.accounts.cardata.telemetry.reading import (
    NewReading,
    RawReading,
    is_older,
    is_placeholder,
    is_repeated,
    replaces_nothing,
    shown_value,
)
from bmw2mqtt.accounts.cardata.telemetry.times import read_time
from bmw2mqtt.accounts.cardata.telemetry.units import UnitSettler, to_km
from bmw2mqtt.accounts.cardata.telemetry.unknown import UnknownValues
from bmw2mqtt.entities.catalogue import Descriptor, catalogue
from bmw2mqtt.vehicle.snapshot import Reading

CLOCK_TOLERANCE = timedelta(minutes=5)
"""Clocks go wrong: what was measured further in the future counts as measured on arrival."""
_DISPLAY = frozenset(DISTANCE_UNITS)
_POSITION = frozenset({LATITUDE, LONGITUDE})
_SOC = frozenset(SOC)
MAX_NEWS = 5000
"""Readings that may wait for the rules of charging; a burst has some dozens."""
NO_MESSAGES = Reading(value="[]")


class VehicleReadings:
    """Records what one car reports.

    A newer reading replaces an older one; what cannot be understood is logged once, and does not.
    """

    def __init__(
        self,
        unsaved: dict[str, RawReading],
        *,
        log_unknown: LogUnknown,
        log_descriptor: LogUnknown,
    ) -> None:
        """Begin without readings.

        Args:
            unsaved: gets the readings that have to be written to disk, by descriptor.
            log_unknown: called for words, units and times that cannot be understood.
            log_descriptor: called for descriptors that are not in the catalogue.
        """
        self._readings: dict[str, Reading] = {}
        self.view: Mapping[str, Reading] = MappingProxyType(self._readings)
        """The newest reading of each descriptor; it changes with the next `record`."""
        self._unknown = UnknownValues()
        self._units = UnitSettler()
        self._odometer = OdometerFilter()
        self._positions = PositionPairing()
        self._news: deque[NewReading] = deque(maxlen=MAX_NEWS)
        self._catalogue = catalogue()
        self._unsaved = unsaved
        self._log_unknown = log_unknown
        self._log_descriptor = log_descriptor

    def __bool__(self) -> bool:
        """Return whether the car has reported anything."""
        return bool(self._readings)

    @property
    def odometer_km(self) -> float | None:
        """What the odometer shows, as far as its readings agree."""
        return self._odometer.km

    @property
    def is_in_miles(self) -> bool:
        """Whether the car's display shows miles."""
        return self._units.display.unit == "mi"

    @property
    def position(self) -> PositionFix | None:
        """The last position."""
        return self._positions.last

    @property
    def measured_at(self) -> datetime | None:
        """When the newest reading was measured; `None` if no time is known."""
        newest = max((r.measured_at or NEVER for r in self._readings.values()), default=NEVER)
        return None if newest is NEVER else newest

    @property
    def charging_news(self) -> Collection[NewReading]:
        """The readings that matter for charging and were not popped before."""
        return self._news

    def pop_charging_news(self) -> list[NewReading]:
        """Return and remove them."""
        news = list(self._news)
        self._news.clear()
        return news

    def lookup(self, log_unknown: LogUnknown) -> ReadingLookup:
        """Return the lookup of the readings by chains of descriptors."""
        return ReadingLookup(self._readings, self._unknown.known_at, log_unknown)

    def record(self, data: Mapping[str, Any], received_at: datetime) -> bool:
        """Record a stream message's `data`, or REST's `telematicData`; never raises for bad input.

        Args:
            data: by descriptor, `{"value", "unit", "timestamp"}`.
            received_at: when it came, with a time zone; it replaces missing times.

        Returns:
            Whether anything has changed, or has to be judged by the rules of charging.
        """
        if not isinstance(data, Mapping):
            return False  # type: ignore[unreachable] # BMW may send anything
        is_changed = False
        if not _DISPLAY.isdisjoint(data):
            is_changed = self._record_display(data, received_at)
        for name, entry in data.items():
            row = self._catalogue.get(name)
            if row is None:
                self._log_descriptor(str(name), "")
            elif not isinstance(entry, dict):
                self._log_unknown(name, type(entry).__name__)
            elif name not in _POSITION and name not in _DISPLAY:
                is_changed |= self._record_entry(row, entry, received_at)
        if not _POSITION.isdisjoint(data):
            is_changed |= self._record_position(data, received_at)
        return is_changed

    def restore(self, name: str, raw: RawReading) -> None:
        """Restore a reading of an earlier run; `finish_restoring` has to follow."""
        row = self._catalogue.get(name)
        if row is None:
            return
        try:
            reading = decode(row, raw.value, raw.unit, self._log_unknown)
            if reading.unit is None and row.unit and isinstance(reading.value, float):
                reading = self._units.settle(row, reading.value, None, {}) or reading
        except UndecodableValueError:  # the catalogue has changed, or somebody edited the file
            return
        if reading.value is None and raw.known_at is not None:
            self._unknown.known_at[name] = raw.known_at
        self._readings[name] = replace(reading, measured_at=raw.measured_at)

    def finish_restoring(self) -> None:
        """Settle the units, the odometer and the position of the restored readings."""
        self._update_display()
        for name in ODOMETER:
            reading = self._readings.get(name)
            if reading is not None and isinstance(reading.value, float):
                self._odometer.restore(reading.value, is_guess=self._units.is_guess(name))
        self._positions = PositionPairing(fix_of(self._readings))

    # One entry

    def _record_entry(
        self, row: Descriptor, entry: Mapping[str, Any], received_at: datetime
    ) -> bool:
        name, value, stamp = row.descriptor, entry.get("value"), entry.get("timestamp")
        stamped_at = read_time(stamp)
        known = self._readings.get(name)
        if stamped_at is None:
            if value is None:
                return self._record_nothing(name)
            if stamp is not None and stamp != "" and known:  # nobody knows whether it is newer
                self._log_undecodable(row, stamp)
                return False
        latest = received_at + CLOCK_TOLERANCE
        is_timed = stamped_at is not None and stamped_at <= latest
        measured_at = stamped_at if is_timed and stamped_at else received_at
        if known and not is_placeholder(name, known.value) and is_older(measured_at, known, latest):
            return self._note_older(row, value, measured_at, received_at)
        reading = self._decoded(row, value, entry.get("unit"), measured_at)
        if reading is None or (known is None and reading.value is None):
            if reading is not None:  # a car has nothing that it never reported
                self._unknown.report(name, measured_at)
            return False
        if known and is_repeated(reading, known, is_timed=is_timed and name not in _DISPLAY):
            return False  # of the display's unit it matters since when it is so
        self._put(name, reading, value)
        if name in CHARGING_INPUTS:
            self._news.append(NewReading(name, reading.value, stamped_at, received_at))
        self._record_unknown(row, measured_at, received_at)
        return True

    def _record_unknown(self, row: Descriptor, known_at: datetime, received_at: datetime) -> None:
        """Record that a value is unknown by now, where that came before the value."""
        unknown_at = self._unknown.pop_reported(row.descriptor)
        if unknown_at > known_at:
            entry = {"value": None, "timestamp": unknown_at.isoformat()}
            self._record_entry(row, entry, received_at)

    def _note_older(
        self, row: Descriptor, value: object, measured_at: datetime, received_at: datetime
    ) -> bool:
        """Note an older value where it still matters, and return whether it does.

        Of what is unknown by now it matters when it was known last. An older SoC may complete a
        charge that is over.
        """
        name = row.descriptor
        is_unknown, is_soc = self._readings[name].value is None, name in _SOC
        if not (is_unknown or is_soc):
            return False
        older: str | float | bool | None = None
        with suppress(UndecodableValueError):
            older = decode(row, value, row.unit, self._log_unknown).value
        if older is None or is_placeholder(name, older):
            return False
        if is_soc:
            self._news.append(NewReading(name, older, measured_at, received_at))
        is_later = is_unknown and self._unknown.note_known(name, measured_at)
        if is_later:
            self._save(name, None)
        return is_soc or is_later

    def _put(self, name: str, reading: Reading, value: object) -> None:
        """Replace a reading, and note what has to be written to disk."""
        self._unknown.replace(name, self._readings.get(name), reading)
        self._readings[name] = reading
        if reading.value is None or isinstance(reading.value, float):
            value = reading.value
        self._save(name, value)
        for other, settled in self._units.settle_beside(name, self._readings).items():
            self._readings[other] = settled
            self._save(other, settled.value)

    def _save(self, name: str, value: object) -> None:
        reading, number = self._readings[name], self._units.open_number(name)
        if number is None:
            known_at = self._unknown.known_at.get(name)
            raw = RawReading(value, reading.unit, reading.measured_at, known_at)
        else:
            raw = RawReading(number, None, reading.measured_at)
        self._unsaved[name] = raw

    def _decoded(
        self, row: Descriptor, value: object, unit: object, measured_at: datetime
    ) -> Reading | None:
        """Return a reading in the catalogue's unit, or `None` if it replaces nothing."""
        try:
            reading = decode(row, value, unit, self._log_unknown, measured_at)
            if row.descriptor in ODOMETER:
                return self._decoded_mileage(row, reading, value, measured_at)
            if reading.unit is None and row.unit and isinstance(reading.value, float):
                return self._units.settle(row, reading.value, measured_at, self._readings)
        except UndecodableValueError:
            self._log_undecodable(row, value)
            return None
        if replaces_nothing(row.descriptor, reading, self._readings.get(row.descriptor)):
            return None
        self._units.confirm(row.descriptor)
        return reading

    def _log_undecodable(self, row: Descriptor, value: object) -> None:
        self._log_unknown(row.descriptor, shown_value(row.descriptor, value))

    def _record_nothing(self, name: str) -> bool:
        """Ignore an entry without value and time: the car never supplied it.

        Only the list of warnings is different: that is how BMW reports that the last one is gone.
        """
        if name != MESSAGES or self._readings.get(name) == NO_MESSAGES:
            return False
        self._readings[name] = NO_MESSAGES
        self._unsaved[name] = RawReading(NO_MESSAGES.value, None, None)
        return True

    # The display

    def _record_display(self, data: Mapping[str, Any], received_at: datetime) -> bool:
        """Record the display's unit before everything that depends on it."""
        is_changed = False
        for name in _DISPLAY & data.keys():
            if isinstance(data[name], dict):
                is_changed |= self._record_entry(self._catalogue[name], data[name], received_at)
        if is_changed:
            self._update_display()
        return is_changed

    def _update_display(self) -> None:
        reading = self.lookup(self._log_unknown).find(*DISTANCE_UNITS)
        if reading is None:
            return
        unit = "mi" if str(reading.value).startswith("mi") else "km"
        for name, number in self._units.switch(unit, reading.measured_at).items():
            self._convert_again(name, number)

    def _convert_again(self, name: str, number: float) -> None:
        """Convert a number without a unit by what the display showed when it was measured."""
        row, known, display = self._catalogue[name], self._readings[name], self._units.display
        unit = display.at(known.measured_at)
        if not row.follows_display or (unit is None and display.before is not None):
            return
        with suppress(UndecodableValueError):
            reading = self._units.converted(row, number, unit or display.unit, known.measured_at)
            self._readings[name] = reading
            if name in ODOMETER and isinstance(reading.value, float):
                is_trip_end = name != TRAVELLED_DISTANCE and TRAVELLED_DISTANCE in self._readings
                self._odometer.correct_guess(reading.value, is_trip_end=is_trip_end)
        if unit != display.unit:
            self._units.keep(name)
        self._save(name, self._readings[name].value)

    # The odometer

    def _decoded_mileage(
        self, row: Descriptor, reading: Reading, value: object, measured_at: datetime
    ) -> Reading | None:
        """Return a reading of the odometer unless the others contradict it."""
        name, km, relabelled_km = row.descriptor, reading.value, None
        if not isinstance(km, float):  # an odometer does not become unknown
            is_odometer = name == TRAVELLED_DISTANCE
            return None if is_odometer else reading
        if reading.unit is not None:
            number = float(decode(row, value, row.unit, self._log_unknown).value or 0)
            relabelled_km = number if number != km else km * KM_PER_MILE
            self._units.confirm(name)
        elif unit := self._odometer.fitting_unit(km, shown_unit=self._units.display.unit or "km"):
            km = self._odometer.without_rounding(to_km(km, unit))
            self._units.confirm(name)
        else:
            settled = self._units.settle(row, km, measured_at, self._readings)
            if settled is None or not isinstance(settled.value, float):
                return None
            km = settled.value
        judged = self._judged_mileage(name, km, measured_at, relabelled_km)
        if judged is None:
            self._units.confirm(name)
            return None
        return Reading(value=judged, unit=row.unit, measured_at=measured_at)

    def _judged_mileage(
        self, name: str, km: float, measured_at: datetime, relabelled_km: float | None
    ) -> float | None:
        """Judge a mileage; that at the end of an earlier trip is smaller by nature."""
        known = self._odometer.km
        if name != TRAVELLED_DISTANCE and known is not None and km < known:
            return km
        return self._odometer.judge(km, measured_at, relabelled_km=relabelled_km)

    # The position

    def _record_position(self, data: Mapping[str, Any], received_at: datetime) -> bool:
        """Record one or both coordinates; a car that does not know where it is has not moved."""
        fix = self._positions.add(
            self._coordinate(LATITUDE, data, received_at),
            self._coordinate(LONGITUDE, data, received_at),
        )
        if fix is None:
            return False
        for name, degrees in ((LATITUDE, fix.latitude), (LONGITUDE, fix.longitude)):
            self._readings[name] = Reading(value=degrees, unit="°", measured_at=fix.measured_at)
            self._unsaved[name] = RawReading(degrees, None, fix.measured_at)
        self._news.append(NewReading(LATITUDE, fix, fix.measured_at, received_at))
        return True

    def _coordinate(
        self, name: str, data: Mapping[str, Any], received_at: datetime
    ) -> Coordinate | None:
        entry = data.get(name)
        if not isinstance(entry, dict):
            return None
        try:
            return read_coordinate(self._catalogue[name], entry, received_at, self._log_unknown)
        except UndecodableValueError:
            self._log_undecodable(self._catalogue[name], entry.get("value"))
            return None
