"""Where a car is, and what it looks like."""

from typing import Any

from bmw2mqtt.entities.base import Attributes, DeviceTracker, Image, iso
from bmw2mqtt.vehicle.snapshot import Vehicle


def _location(vehicle: Vehicle) -> Attributes:
    """Show the position, take back a lost one, say nothing of one that never was.

    Home Assistant keeps coordinates that are left out, and complains of empty ones.
    """
    attributes: dict[str, Any] = {}
    if vehicle.position is not None:
        attributes["latitude"] = vehicle.position.latitude
        attributes["longitude"] = vehicle.position.longitude
        attributes["gps_accuracy"] = 0
    elif vehicle.had_position:
        attributes["latitude"] = attributes["longitude"] = None
    attributes["direction"] = vehicle.heading_deg
    attributes["updated_at"] = iso(vehicle.updated_at) if vehicle.updated_at else None
    return attributes


DEVICE_TRACKERS: tuple[DeviceTracker[Vehicle], ...] = (
    DeviceTracker(
        key="location",
        name=None,
        attributes=_location,
        category="diagnostic",
        icon="mdi:car",
    ),
)

IMAGES: tuple[Image[Vehicle], ...] = (
    Image(
        key="vehicle",
        name="Picture",
        value=lambda vehicle: vehicle.image,
        exists=lambda vehicle: vehicle.image is not None,
    ),
)
