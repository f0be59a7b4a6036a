"""Sensors of a car's past: energy charged, the last charge, the last trip."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from functools import partial
from typing import Any, Final

from bmw2mqtt.entities.base import Sensor, Value, iso
from bmw2mqtt.entities.conditions import has_charging_history, has_history
from bmw2mqtt.vehicle.history import ChargeSummary, TripSummary, VehicleHistory
from bmw2mqtt.vehicle.snapshot import Vehicle

_NOTHING: Final = VehicleHistory()
_DIGITS: Final = 2


def rounded(value: Any) -> Any:
    """Return a value as JSON has it: times as text, numbers with two digits."""
    if isinstance(value, datetime):
        return iso(value)
    return round(value, _DIGITS) if isinstance(value, float) else value


def _history(vehicle: Vehicle) -> VehicleHistory:
    return vehicle.history or _NOTHING


def _share(vehicle: Vehicle) -> Mapping[str, Any]:
    return {"estimated_share": _history(vehicle).estimated_share}


def _last(record: str, name: str) -> Callable[[Vehicle], Value]:
    """Return a fact of the last charge or trip."""

    def value(vehicle: Vehicle) -> Value:
        last = getattr(_history(vehicle), record)
        return None if last is None else rounded(getattr(last, name))

    return value


_CHARGE_ATTRIBUTES: Final = tuple(
    field.name for field in fields(ChargeSummary) if field.name not in {"end", "energy_kwh"}
)
_TRIP_SHOWN: Final = {"end", "distance_km", "consumption_kwh_per_100km"}
_TRIP_ATTRIBUTES: Final = {
    field.name: field.name.removesuffix("_km")
    for field in fields(TripSummary)
    if field.name not in _TRIP_SHOWN
}


def _charge_attributes(vehicle: Vehicle) -> Mapping[str, Any]:
    charge = _history(vehicle).last_charge
    return {name: charge and rounded(getattr(charge, name)) for name in _CHARGE_ATTRIBUTES}


def _trip_attributes(vehicle: Vehicle) -> Mapping[str, Any]:
    trip = _history(vehicle).last_trip
    return {
        shown: trip and rounded(getattr(trip, name)) for name, shown in _TRIP_ATTRIBUTES.items()
    }


_of_charge = partial(Sensor[Vehicle], attributes=_charge_attributes, appears_with_value=True)
_of_trip = partial(Sensor[Vehicle], attributes=_trip_attributes, appears_with_value=True)

HISTORY: tuple[Sensor[Vehicle], ...] = (
    Sensor(
        key="energy_charged",
        name="Energy charged",
        value=lambda vehicle: _history(vehicle).energy_kwh,
        attributes=_share,
        appears_with_value=True,
        exists=lambda vehicle: vehicle.has_battery and _history(vehicle).energy_kwh is not None,
        unit="kWh",
        device_class="energy",
        state_class="total_increasing",
        precision=2,
        icon="mdi:ev-plug-type2",
    ),
    Sensor(
        key="energy_charged_home",
        name="Energy charged at home",
        value=lambda vehicle: _history(vehicle).energy_home_kwh,
        appears_with_value=True,
        exists=lambda vehicle: (
            vehicle.has_battery and _history(vehicle).energy_home_kwh is not None
        ),
        unit="kWh",
        device_class="energy",
        state_class="total_increasing",
        precision=2,
        icon="mdi:home-lightning-bolt",
    ),
    _of_charge(
        key="last_charge_energy",
        name="Last charge energy",
        value=_last("last_charge", "energy_kwh"),
        exists=has_charging_history,
        unit="kWh",  # no class energy: it would have to be a counter
        state_class="measurement",
        precision=2,
        icon="mdi:battery-charging",
    ),
    _of_charge(
        key="last_charge_end",
        name="Last charge end",
        value=_last("last_charge", "end"),
        exists=has_charging_history,
        device_class="timestamp",
        icon="mdi:battery-clock",
    ),
    _of_trip(
        key="last_trip_distance",
        name="Last trip distance",
        value=_last("last_trip", "distance_km"),
        exists=has_history,
        unit="km",
        device_class="distance",
        state_class="measurement",
        precision=0,
        icon="mdi:map-marker-distance",
    ),
    _of_trip(
        key="last_trip_end",
        name="Last trip end",
        value=_last("last_trip", "end"),
        exists=has_history,
        device_class="timestamp",
        icon="mdi:map-marker-check",
    ),
    _of_trip(
        key="last_trip_consumption",
        name="Last trip consumption",
        value=_last("last_trip", "consumption_kwh_per_100km"),
        exists=has_charging_history,
        unit="kWh/100km",
        state_class="measurement",
        precision=1,
        icon="mdi:lightning-bolt-circle",
    ),
)
