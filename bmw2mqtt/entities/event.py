"""Events of a car."""

from bmw2mqtt.entities.base import Event
from bmw2mqtt.entities.conditions import has_charging_history, has_history
from bmw2mqtt.vehicle.commands import EventType
from bmw2mqtt.vehicle.history import ChargingEvent, TripEventType
from bmw2mqtt.vehicle.snapshot import Vehicle

EVENTS: tuple[Event[Vehicle], ...] = (
    Event(
        key="command",
        name="Command",
        exists=lambda vehicle: vehicle.capabilities.commands,
        event_types=tuple(EventType),
        icon="mdi:car-info",
    ),
    Event(
        key="charging",
        name="Charging",
        exists=has_charging_history,
        event_types=tuple(ChargingEvent),
        icon="mdi:ev-station",
    ),
    Event(
        key="trip",
        name="Trip",
        exists=has_history,
        event_types=tuple(TripEventType),
        icon="mdi:road-variant",
    ),
)
