"""What cars and accounts offer, as tables.

One file per subject, one row per entity (`base.Entity`). `vehicle_entities` and `ACCOUNT_ENTITIES`
are the only lists there are: topics, discovery, documentation and tests walk them.

Keys, names, units, attributes and existence rules of a car's entities are those of Home
Assistant's former `bmw_connected_drive` integration, so that people's dashboards and history go on.
What it got wrong is not copied: docs/adr/0003-entities-as-tables.md.
"""

from functools import cache

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

__all__ = ["ACCOUNT_ENTITIES", "VEHICLE_ENTITIES", "vehicle_entities"]

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
"""What a car may have in the app API (`mybmw`)."""

_NEVER_IN_CARDATA = {"sensor_charging_start_time", "event_command"}
"""CarData does not tell when charging will start, and takes no commands."""


@cache
def vehicle_entities(backend: str) -> tuple[Entity[Vehicle], ...]:
    """Return what a car of a backend (`mybmw` or `cardata`) may have."""
    if backend != "cardata":
        return VEHICLE_ENTITIES
    # The catalogue is read only for those who have such a car.
    from bmw2mqtt.entities.raw_readings import readings  # noqa: PLC0415

    shared = (
        entity
        for entity in VEHICLE_ENTITIES
        if not entity.is_commandable and entity.id not in _NEVER_IN_CARDATA
    )
    return (*shared, *readings())
