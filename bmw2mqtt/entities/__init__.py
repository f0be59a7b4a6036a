"""What cars and accounts offer, as tables.

One file per subject, one row per entity (`base.Entity`). `VEHICLE_ENTITIES` and `ACCOUNT_ENTITIES`
are the only lists there are: topics, discovery, documentation and tests walk them.

Keys, names, units, attributes and existence rules of a car's entities are those of Home
Assistant's former `bmw_connected_drive` integration, so that people's dashboards and history go on.
What it got wrong is not copied: docs/adr/0003-entities-as-tables.md.
"""

from bmw2mqtt.entities.account import ACCOUNT_ENTITIES
from bmw2mqtt.entities.base import Entity
from bmw2mqtt.entities.binary_sensor import BINARY_SENSORS
from bmw2mqtt.entities.command import (
    BUTTONS,
    EVENTS,
    LOCKS,
    NOTIFIES,
    NUMBERS,
    SELECTS,
    SWITCHES,
)
from bmw2mqtt.entities.location import DEVICE_TRACKERS, IMAGES
from bmw2mqtt.entities.sensor import SENSORS
from bmw2mqtt.vehicle.snapshot import Vehicle

__all__ = ["ACCOUNT_ENTITIES", "VEHICLE_ENTITIES"]

VEHICLE_ENTITIES: tuple[Entity[Vehicle], ...] = (
    *SENSORS,
    *BINARY_SENSORS,
    *LOCKS,
    *BUTTONS,
    *NUMBERS,
    *SELECTS,
    *SWITCHES,
    *DEVICE_TRACKERS,
    *NOTIFIES,
    *EVENTS,
    *IMAGES,
)
"""What a car may have, whatever its backend; a backend adds what only it knows."""
