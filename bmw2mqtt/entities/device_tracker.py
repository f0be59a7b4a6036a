"""Where a car is."""

from typing import Any

from bmw2mqtt.entities.base import Attributes, DeviceTracker, decimal, iso
from bmw2mqtt.vehicle.snapshot import Vehicle


def _coordinates(vehicle: Vehicle) -> str | None:
    position = vehicle.position
    if position is None:
        return None
    return f"{decimal(position.latitude)},{decimal(position.longitude)}"


def _location(vehicle: Vehicle) -> Attributes:
    """Return the position; `None` as coordinates once a known position is lost.

    Home Assistant keeps coordinates that are left out, and complains about empty ones: a car that
    never had a position must not have the keys at all.
    """
    attributes: dict[str, Any] = {}
    if vehicle.position is not None:
        attributes["latitude"] = vehicle.position.latitude
        attributes["longitude"] = vehicle.position.longitude
        attributes["gps_accuracy"] = 0
    elif vehicle.had_position:
        attributes["latitude"] = attributes["longitude"] = None
    attributes["direction"] = vehicle.heading_deg
    measured_at = vehicle.measured_at.get("device_tracker/location", vehicle.updated_at)
    attributes["updated_at"] = iso(measured_at) if measured_at else None
    return attributes


DEVICE_TRACKERS: tuple[DeviceTracker[Vehicle], ...] = (
    DeviceTracker(
        key="location",
        name=None,
        value=_coordinates,
        attributes=_location,
        category="diagnostic",
        icon="mdi:car",
    ),
)
