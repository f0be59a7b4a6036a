"""The entities of cars and accounts, as tables: one file per platform, one row per entity.

`VEHICLE_ENTITIES` with the raw readings, and `ACCOUNT_ENTITIES`, are the only lists: topics,
discovery, documentation and tests are made from them.

Keys, names, units, attributes and existence rules of a car's entities are those of Home
Assistant's former `bmw_connected_drive` integration, so that dashboards and history go on.
Its defects are not copied: docs/adr/0003-entities-as-tables.md.
"""

from functools import cache

from bmw2mqtt.entities.account import ACCOUNT_ENTITIES
from bmw2mqtt.entities.base import Entity
from bmw2mqtt.entities.binary_sensor import BINARY_SENSORS
from bmw2mqtt.entities.button import BUTTONS
from bmw2mqtt.entities.device_tracker import DEVICE_TRACKERS
from bmw2mqtt.entities.event import EVENTS
from bmw2mqtt.entities.image import IMAGES
from bmw2mqtt.entities.lock import LOCKS
from bmw2mqtt.entities.notify import NOTIFIES
from bmw2mqtt.entities.number import NUMBERS
from bmw2mqtt.entities.select import SELECTS
from bmw2mqtt.entities.sensor import SENSORS
from bmw2mqtt.entities.switch import SWITCHES
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
"""Everything a car can have, except CarData's raw readings."""


@cache
def vehicle_entities(*, has_commands: bool, has_readings: bool) -> tuple[Entity[Vehicle], ...]:
    """Return the entities a car of a backend can have, with or without `Vehicle.readings`."""
    table = VEHICLE_ENTITIES
    if not has_commands:
        table = tuple(
            entity
            for entity in table
            if not entity.is_commandable and entity.id not in _NEVER_WITHOUT_COMMANDS
        )
    if not has_readings:
        return table
    # BMW's catalogue is large: load it only for accounts that need it.
    from bmw2mqtt.entities.raw_readings import readings  # noqa: PLC0415

    return (*table, *readings())


_NEVER_WITHOUT_COMMANDS = {"sensor_charging_start_time", "event_command"}
"""CarData does not report when charging will start, and has no commands."""
