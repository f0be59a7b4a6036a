"""The document of a car's own `state` topic: the whole snapshot at once."""

import functools
from collections.abc import Mapping
from typing import Any, Final

from bmw2mqtt.entities.base import iso
from bmw2mqtt.mqtt.device import Snapshot, Values
from bmw2mqtt.vehicle.snapshot import Vehicle

_TRACKER: Final = "device_tracker"
"""Its attributes contain the time of the position."""


def vehicle_snapshot(name: str | None) -> Snapshot[Vehicle]:
    """Return what makes the document of a car; `name`: its name in the settings."""

    def values(vehicle: Vehicle, values: Values) -> Mapping[str, Any]:
        document = {"vin": vehicle.vin, "name": name or vehicle.model, "updated_at": None, **values}
        if trackers := values.get(_TRACKER):
            document[_TRACKER] = {
                key: {**attributes, "updated_at": None} for key, attributes in trackers.items()
            }
        return document

    return Snapshot(values, _times)


def _times(vehicle: Vehicle, values: Values) -> Mapping[str, Any]:
    """Return when the car last reported, and when each published value was measured."""
    measured_at = vehicle.measured_at
    trackers = {_TRACKER: values[_TRACKER]} if _TRACKER in values else {}
    iso_of = functools.cache(iso)  # most values were measured at the same time
    return {
        **trackers,
        "updated_at": iso(vehicle.updated_at) if vehicle.updated_at else None,
        "measured_at": {
            entity: iso_of(measured_at[entity])
            for platform, keys in values.items()
            for key, value in keys.items()
            if value is not None and (entity := f"{platform}/{key}") in measured_at
        },
    }
