"""Events of a car."""

from bmw2mqtt.entities.base import Event
from bmw2mqtt.vehicle.commands import EventType
from bmw2mqtt.vehicle.snapshot import Vehicle

EVENTS: tuple[Event[Vehicle], ...] = (
    Event(
        key="command",
        name="Command",
        exists=lambda vehicle: vehicle.capabilities.commands,
        event_types=tuple(EventType),
        icon="mdi:car-info",
    ),
)
