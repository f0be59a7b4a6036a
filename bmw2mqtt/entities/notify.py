"""Messages to a car."""

from bmw2mqtt.entities import payload
from bmw2mqtt.entities.base import Notify
from bmw2mqtt.vehicle.snapshot import Vehicle

NOTIFIES: tuple[Notify[Vehicle], ...] = (
    Notify(
        key="poi",
        name="Send destination",
        exists=lambda vehicle: vehicle.capabilities.send_poi,
        command=payload.poi,
        icon="mdi:map-marker-right",
        works_read_only=True,
    ),
)
