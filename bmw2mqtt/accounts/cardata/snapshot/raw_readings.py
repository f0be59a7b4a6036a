"""The raw readings of a snapshot: descriptors that no other entity covers.

Cars fill descriptors of parts that they do not have: the coolant of an electric car is -48 °C, and
the high-voltage battery of a petrol car 0 %. Those are left out.
"""

from collections.abc import Mapping
from functools import cache

from bmw2mqtt.accounts.cardata.telemetry.descriptors import FUEL_RANGE, SOC_AT_TRIP_END, TOTAL_RANGE
from bmw2mqtt.entities.catalogue import catalogue
from bmw2mqtt.vehicle.snapshot import DriveTrain, Reading

_ENGINE_PARTS = ("vehicle.drivetrain.internalCombustionEngine.", "vehicle.drivetrain.fuelSystem.")
_ELECTRIC = "electric"


def raw_readings(view: Mapping[str, Reading], kind: DriveTrain | None) -> dict[str, Reading]:
    """Return the readings whose only entity is a diagnostic one; of an unknown kind all count."""
    absent, absent_if_zero = _absent(kind)
    return {
        name: reading
        for name in _names()
        if (reading := view.get(name)) is not None
        and name not in absent
        and not (reading.value == 0 and name in absent_if_zero and reading.value is not False)
    }


@cache
def _names() -> tuple[str, ...]:
    return tuple(name for name, row in catalogue().items() if not row.entity)


@cache
def _absent(kind: DriveTrain | None) -> tuple[frozenset[str], frozenset[str]]:
    """Return the descriptors of parts that such a car lacks: at any value, and those at zero."""
    absent: set[str] = set()
    absent_if_zero: set[str] = set()
    if kind is not None and not kind.has_engine:
        absent |= {name for name in _names() if name.startswith(_ENGINE_PARTS)}
        absent_if_zero |= {*TOTAL_RANGE, FUEL_RANGE}
    if kind is not None and not kind.has_battery:
        absent_if_zero |= {name for name in _names() if catalogue()[name].category == _ELECTRIC}
        absent_if_zero |= {SOC_AT_TRIP_END}
    return frozenset(absent), frozenset(absent_if_zero)
