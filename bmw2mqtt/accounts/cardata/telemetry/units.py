"""Distances that come without a unit: kilometres or miles, by what is known of the car."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bmw2mqtt.accounts.cardata.telemetry.decode import KM_PER_MILE, convert
from bmw2mqtt.accounts.cardata.telemetry.descriptors import ELECTRIC_RANGE, LAST_RANGE
from bmw2mqtt.entities.catalogue import Descriptor, catalogue
from bmw2mqtt.vehicle.snapshot import Reading

TOLERANCE = 0.01
"""How far apart two figures of the same distance may be, as a share."""
SAME_MOMENT = timedelta(minutes=5)
"""Two readings of a range this close together are of about the same range."""
_ON_DISPLAY_IN_MILES = {"kWh/100km": "mi/kWh"}
_SAME_RANGE = {ELECTRIC_RANGE: LAST_RANGE, LAST_RANGE: ELECTRIC_RANGE}


def to_km(number: float, unit: str) -> float:
    """Return a distance in km; displays show whole miles, so more than a decimal is noise."""
    return round(number * KM_PER_MILE, 1) if unit == "mi" else number


def unit_that_fits(
    number: float, known_km: float | None, *, growth: float = TOLERANCE
) -> str | None:
    """Return the unit in which a distance agrees with one that is known; `None`: in neither.

    Args:
        number: a distance without a unit.
        known_km: what it should be like.
        growth: how much larger than the known one it may be, as a share of it.
    """
    if not known_km or known_km < 0:
        return None
    for unit in ("km", "mi"):
        if -TOLERANCE <= to_km(number, unit) / known_km - 1 <= growth:
            return unit
    return None


@dataclass(frozen=True, slots=True)
class DisplayUnit:
    """The unit of the car's display, and the one before it was switched."""

    unit: str | None = None
    """`km`, `mi`, or `None` if the car has not reported it."""
    since: datetime | None = None
    before: str | None = None

    def at(self, moment: datetime | None) -> str | None:
        """Return the unit at a moment; `None` if that is not known."""
        is_before = self.since is not None and moment is not None and moment < self.since
        return self.before if is_before else self.unit


class UnitSettler:
    """Settles the units of one car's numbers, and remembers which of them are guesses."""

    def __init__(self) -> None:
        self.display = DisplayUnit()
        self._guesses: dict[str, float] = {}
        """Numbers that are converted by what the display shows, by descriptor."""
        self._without_unit: set[str] = set()
        """Descriptors whose reading came without a unit that anything confirms."""

    def settle(
        self,
        row: Descriptor,
        number: float,
        measured_at: datetime | None,
        readings: Mapping[str, Reading],
    ) -> Reading | None:
        """Return a reading in the catalogue's unit of a number that came without one.

        It gets the unit that agrees with a reading of about the same moment that has one, else
        that of the display. `None`: what the display showed then is not known, and there is a
        reading already.

        Raises:
            UndecodableValueError: it cannot be such a number.
        """
        name = row.descriptor
        unit = self._unit_of_neighbour(row, number, measured_at, readings)
        self.confirm(name)
        if unit is None:
            unit = self.display.at(measured_at) if row.follows_display else "km"
            if unit is None and self.display.unit and name in readings:
                return None
            self._guesses[name] = number
            self._without_unit.add(name)
        return self.converted(row, number, unit or self.display.unit, measured_at)

    def converted(
        self, row: Descriptor, number: float, unit: str | None, measured_at: datetime | None
    ) -> Reading:
        """Return a reading of a number in the units of a display in km or miles."""
        value = number
        if unit == "mi" and row.unit == "km":
            value = to_km(number, "mi")
        elif unit == "mi" and row.unit in _ON_DISPLAY_IN_MILES:
            value = convert(number, _ON_DISPLAY_IN_MILES[row.unit], row.unit)
        return Reading(value=value, unit=row.unit, measured_at=measured_at)

    def confirm(self, name: str) -> None:
        """Record that the unit of a reading is known."""
        self._guesses.pop(name, None)
        self._without_unit.discard(name)

    def is_guess(self, name: str) -> bool:
        """Return whether nothing confirms the unit of a reading."""
        return name in self._without_unit

    def open_number(self, name: str) -> float | None:
        """Return the number of a reading whose unit is not settled: the display's is not known."""
        return self._guesses.get(name) if self.display.unit is None else None

    def settle_beside(self, name: str, readings: Mapping[str, Reading]) -> dict[str, Reading]:
        """Return the other range, if the unit of this new reading settles that of its guess."""
        other = _SAME_RANGE.get(name, "")
        number = self._guesses.get(other)
        if name in self._without_unit or other not in self._without_unit or number is None:
            return {}
        known = readings[other]
        settled = self.settle(catalogue()[other], number, known.measured_at, readings)
        return {} if settled is None or settled == known else {other: settled}

    def switch(self, unit: str, since: datetime | None) -> dict[str, float]:
        """Record the display's unit; return the guesses that have to be converted anew.

        What was measured before the display was switched keeps its unit.
        """
        if unit == self.display.unit:
            return {}
        self.display = DisplayUnit(unit, since, self.display.unit)
        return dict(self._guesses)

    def keep(self, name: str) -> None:
        """Convert a reading no more when the display is switched."""
        self._guesses.pop(name, None)

    def _unit_of_neighbour(
        self,
        row: Descriptor,
        number: float,
        measured_at: datetime | None,
        readings: Mapping[str, Reading],
    ) -> str | None:
        if row.unit != "km" or measured_at is None:
            return None
        for name in (row.descriptor, _SAME_RANGE.get(row.descriptor, "")):
            neighbour = readings.get(name)
            if neighbour is None or name in self._without_unit or neighbour.measured_at is None:
                continue
            is_of_now = abs(neighbour.measured_at - measured_at) <= SAME_MOMENT
            if is_of_now and isinstance(neighbour.value, float):
                unit = unit_that_fits(number, neighbour.value)
                if unit is not None:
                    return unit
        return None
