"""Device discovery: one message a device, full keys, nothing that an older release refuses.

An unknown key at the root makes Home Assistant drop the whole device, one in a component is
ignored. So whatever is newer than 2024.11 belongs in a component.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from bmw2mqtt import __version__
from bmw2mqtt.entities.base import (
    BinarySensor,
    DeviceTracker,
    Entity,
    Event,
    Image,
    Lock,
    Notify,
    Number,
    Select,
    Sensor,
    Switch,
)
from bmw2mqtt.mqtt.device import dump_json
from bmw2mqtt.mqtt.topics import DeviceTopics
from bmw2mqtt.translations import ENGLISH, NAMES, translator
from bmw2mqtt.vehicle.account import AccountState
from bmw2mqtt.vehicle.snapshot import Vehicle

ORIGIN = {"name": "bmw2mqtt", "sw_version": __version__}
Fields = dict[str, Any]


def vehicle_payload(
    vehicle: Vehicle,
    entities: Sequence[Entity[Vehicle]],
    gone: Iterable[str],
    *,
    topics: DeviceTopics,
    account: DeviceTopics,
    name: str | None,
    language: str = ENGLISH,
) -> bytes:
    """Return the discovery payload of a car.

    `gone` are ids of components to be removed, `account` the topics of the account it belongs to.
    Without a name in the settings it has that of the model, as in the old integration.
    """
    device = {
        "identifiers": [topics.identifier],
        "name": name or vehicle.model,
        "manufacturer": vehicle.brand,
        "model": vehicle.model,
        "serial_number": vehicle.vin,
        "via_device": account.identifier,
    }
    if vehicle.software_version:
        device["sw_version"] = vehicle.software_version
    prefix = _object_prefix(vehicle)
    return dump_json(
        {
            "device": device,
            "origin": ORIGIN,
            "availability": [
                {"topic": topics.bridge_availability},
                {"topic": topics.availability},
            ],
            "availability_mode": "all",
            "components": _removals(gone)
            | {e.id: _component(e, vehicle, topics, prefix, language) for e in entities},
        }
    )


def vehicle_identity(vehicle: Vehicle) -> object:
    """Return what `vehicle_payload` shows of a car, beside which entities it has."""
    return vehicle.model, vehicle.brand, vehicle.software_version, vehicle.charging.ac_limits_a


def account_payload(
    account: AccountState,
    entities: Sequence[Entity[AccountState]],
    gone: Iterable[str],
    *,
    topics: DeviceTopics,
    language: str = ENGLISH,
) -> bytes:
    """Return the discovery payload of an account, which is available whenever the bridge is."""
    device = {
        "identifiers": [topics.identifier],
        "name": f"bmw2mqtt {account.name}",
        "manufacturer": "bmw2mqtt",
        "model": f"{account.backend.title} account",
        "sw_version": __version__,
    }
    prefix = slug(f"bmw2mqtt {account.name}")
    return dump_json(
        {
            "device": device,
            "origin": ORIGIN,
            "availability": [{"topic": topics.bridge_availability}],
            "components": _removals(gone)
            | {e.id: _component(e, account, topics, prefix, language) for e in entities},
        }
    )


def _object_prefix(vehicle: Vehicle) -> str:
    """Return the model for object ids, or the VIN if that cannot be written in ASCII."""
    letters = "".join(character for character in vehicle.model if character.isalnum())
    is_latin = all(slug(letter) for letter in letters)
    return slug(vehicle.model if letters and is_latin else vehicle.vin)


def slug(text: str) -> str:
    """Turn a name into the object id that Home Assistant makes of it."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def _removals(gone: Iterable[str]) -> Fields:
    """Return components with nothing but a platform: Home Assistant removes those."""
    platforms = ("binary_sensor", "device_tracker")
    return {
        component: {
            "platform": next(
                (p for p in platforms if component.startswith(p)), component.partition("_")[0]
            )
        }
        for component in gone
    }


def _component(
    entity: Entity[Any], subject: Any, topics: DeviceTopics, object_prefix: str, language: str
) -> Fields:
    fields: Fields = {
        "platform": entity.platform,
        "unique_id": f"{topics.identifier}_{entity.id}",
        "default_entity_id": _default_entity_id(entity, object_prefix),
        "name": entity.name and translator(language, NAMES)(entity.name),
    }
    if (entity.has_state and entity.announces_state) or isinstance(entity, Event):
        is_image = isinstance(entity, Image)
        fields["image_topic" if is_image else "state_topic"] = topics.state(
            entity.platform, entity.key
        )
    if entity.attributes is not None:
        fields["json_attributes_topic"] = topics.attributes(entity.platform, entity.key)
    if entity.command_suffix is not None:
        fields["command_topic"] = topics.command(entity.platform, entity.key, entity.command_suffix)
        fields["qos"] = 1
        fields["retain"] = False
    optional = _specifics(entity, subject) | {
        "entity_category": entity.category,
        "icon": entity.icon,
        "enabled_by_default": None if entity.enabled else False,
    }
    return fields | {key: value for key, value in optional.items() if value is not None}


def _default_entity_id(entity: Entity[Any], object_prefix: str) -> str:
    """Return the entity id of the old integration, so that history continues.

    It is made from the English name in every language.
    """
    if isinstance(entity, Notify):
        return f"notify.bmw_connected_drive_{object_prefix}"
    parts = (object_prefix, slug(entity.name or ""))
    return f"{entity.platform}.{'_'.join(part for part in parts if part)}"


def _specifics(entity: Entity[Any], subject: Any) -> Fields:
    """Return the fields that only this platform has."""
    fields: Fields = {}
    match entity:
        case Sensor():
            fields = {
                "device_class": entity.device_class,
                "unit_of_measurement": entity.unit,
                "state_class": entity.state_class,
                "suggested_display_precision": entity.precision,
                "options": list(entity.options) if entity.options else None,
            }
        case BinarySensor():
            fields = {"device_class": entity.device_class}
        case Lock() | Switch():
            fields = {"optimistic": False}
        case Number():
            fields = {
                "min": entity.minimum,
                "max": entity.maximum,
                "step": entity.step,
                "mode": entity.mode,
                "unit_of_measurement": entity.unit,
                "device_class": entity.device_class,
                "optimistic": False,
            }
        case Select():
            fields = {"options": list(entity.options(subject)), "optimistic": False}
        case DeviceTracker():
            fields = {"source_type": "gps"}
        case Event():
            fields = {"event_types": list(entity.event_types)}
        case Image():
            fields = {"content_type": "image/png"}
    return fields
