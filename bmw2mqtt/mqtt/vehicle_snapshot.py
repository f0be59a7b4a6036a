"""The document of a car's own `state` topic: the whole snapshot at once."""

from collections.abc import Mapping
from typing import Any

from bmw2mqtt.entities.base import iso
from bmw2mqtt.mqtt.device import Snapshot
from bmw2mqtt.vehicle.snapshot import Vehicle


def vehicle_snapshot(name: str | None) -> Snapshot[Vehicle]:
    """Return what makes the document of a car; `name`: its name in the settings."""

    def values(vehicle: Vehicle, values: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        return {"vin": vehicle.vin, "name": name or vehicle.model, "updated_at": None, **values}

    return Snapshot(values, _times)


def _times(vehicle: Vehicle, values: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return when the car last reported, and when each published value was measured."""
    measured_at = vehicle.measured_at
    return {
        "updated_at": iso(vehicle.updated_at) if vehicle.updated_at else None,
        "measured_at": {
            entity: iso(measured_at[entity])
            for platform, keys in values.items()
            for key in keys
            if (entity := f"{platform}/{key}") in measured_at
        },
    }
