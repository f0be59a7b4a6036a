"""All topics as AsyncAPI channels, derived from topics.py and the entity tables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from bmw2mqtt.accounts.backends import entity_tables
from bmw2mqtt.entities import ACCOUNT_ENTITIES, VEHICLE_ENTITIES
from bmw2mqtt.entities.base import UNKNOWN, Entity, Event, Image, Number, Sensor
from bmw2mqtt.mqtt.topics import DeviceTopics, Topics
from bmw2mqtt.vehicle.commands import Reason

Schema = Mapping[str, Any]
JSON: Final = "application/json"
TEXT: Final = "text/plain"
TOPICS: Final = Topics("bmw2mqtt", "homeassistant")
"""Topics with the default `base_topic` and `discovery_prefix`."""

_VEHICLE: Final = TOPICS.vehicle("{vin}")
_ACCOUNT: Final = TOPICS.account("{account}")
_AVAILABILITY: Final = {"type": "string", "enum": ["online", "offline"]}
_OBJECT: Final = {"type": "object"}


_EVENTS: Final = {
    "command": "Result of a command",
    "charging": "A charge began or ended, or the plugged-in car does not charge",
    "trip": "A trip began or ended, or the tank was filled",
}


def _event(entity: Event) -> Schema:  # type: ignore[type-arg]
    words = [str(word) for word in entity.event_types]
    return {
        "type": "object",
        "required": ["event_type"],
        "properties": {"event_type": {"type": "string", "enum": words}},
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One topic, or all topics of one form."""

    id: str
    address: str
    """The topic; `{vin}` and `{account}` stand for one level."""
    action: Literal["send", "receive"]
    """What bmw2mqtt does with it."""
    summary: str
    payload: Schema
    content_type: str = TEXT
    is_retained: bool = True


def channels() -> Iterator[Channel]:
    """Yield all channels: daemon, accounts, cars, Home Assistant, relay."""
    yield from _bridge()
    yield from _entities("account", _ACCOUNT, ACCOUNT_ENTITIES)
    yield Channel(
        id="account_login_set",
        address=TOPICS.login("{account}"),
        action="receive",
        summary="Captcha token: a secret, refused if retained (mybmw)",
        payload={"type": "string"},
        is_retained=False,
    )
    yield Channel(
        id="vehicle_availability",
        address=_VEHICLE.availability,
        action="send",
        summary="online while the published values are up to date",
        payload=_AVAILABILITY,
    )
    yield Channel(
        id="vehicle_state",
        address=_VEHICLE.snapshot,
        action="send",
        summary="All values of the car with JSON types; null is unknown",
        payload=_ref("state"),
        content_type=JSON,
    )
    every = dict.fromkeys(entity for _, table in entity_tables() for entity in table)
    yield from _entities("vehicle", _VEHICLE, tuple(every))
    yield from _home_assistant()
    yield Channel(
        id="relay",
        address="{relay_prefix}{vin}",
        action="send",
        summary="BMW's stream message, unchanged (cardata, off by default)",
        payload=_OBJECT,
        content_type=JSON,
    )


def _bridge() -> Iterator[Channel]:
    yield Channel(
        id="bridge_availability",
        address=TOPICS.bridge_availability,
        action="send",
        summary="online while bmw2mqtt is connected; offline is also its last will",
        payload=_AVAILABILITY,
    )
    yield Channel(
        id="bridge_info",
        address=TOPICS.bridge_info,
        action="send",
        summary="Version, accounts and cars",
        payload=_ref("info"),
        content_type=JSON,
    )


def _home_assistant() -> Iterator[Channel]:
    for name, topics in (("vehicle", _VEHICLE), ("account", _ACCOUNT)):
        yield Channel(
            id=f"{name}_discovery",
            address=topics.discovery,
            action="send",
            summary=f"Home Assistant device discovery of the {name}",
            payload=_OBJECT,
            content_type=JSON,
        )
    yield Channel(
        id="homeassistant_status",
        address="homeassistant/status",
        action="receive",
        summary="Home Assistant has started; everything is published again",
        payload={"type": "string", "enum": ["online", "offline"]},
        is_retained=False,
    )


def _entities(
    device: str, topics: DeviceTopics, table: tuple[Entity[Any], ...]
) -> Iterator[Channel]:
    for entity in table:
        name = entity.name or "Position"
        place = (entity.platform, entity.key)
        if entity.has_state:
            yield Channel(
                id=f"{device}_{entity.id}",
                address=topics.state(*place),
                action="send",
                summary=_with_unit(name, entity),
                payload=_state(entity),
                content_type="image/png" if isinstance(entity, Image) else TEXT,
            )
        if entity.attributes is not None:
            yield Channel(
                id=f"{device}_{entity.id}_attributes",
                address=topics.attributes(*place),
                action="send",
                summary=f"{name}: attributes",
                payload=_ref("position") if entity.platform == "device_tracker" else _OBJECT,
                content_type=JSON,
            )
        if isinstance(entity, Event):
            yield Channel(
                id=f"{device}_{entity.id}",
                address=topics.state(*place),
                action="send",
                summary=_EVENTS[entity.key],
                payload=_ref("command_event") if entity.key == "command" else _event(entity),
                content_type=JSON,
                is_retained=False,
            )
        if entity.command_suffix is not None:
            yield Channel(
                id=f"{device}_{entity.id}_{entity.command_suffix}",
                address=topics.command(*place, entity.command_suffix),
                action="receive",
                summary=f"Command: {name}",
                payload=_command(entity),
                is_retained=False,
            )


def _with_unit(name: str, entity: Entity[Any]) -> str:
    unit = entity.unit if isinstance(entity, Sensor | Number) else None
    return f"{name} ({unit})" if unit else name


def _state(entity: Entity[Any]) -> Schema:
    match entity:
        case Image():
            return {"type": "string", "format": "binary"}
        case Sensor(options=tuple() as options):
            return {"type": "string", "enum": [*map(str, options), UNKNOWN]}
        case Sensor(device_class="timestamp" | "date" as device_class):
            return _ref({"timestamp": "time", "date": "date"}[device_class])
        case Sensor() if entity.unit or entity.state_class:
            return _ref("number")
    names = {"binary_sensor": "flag", "switch": "flag", "lock": "lock", "number": "number"}
    return _ref(names.get(entity.platform, "text"))


def _command(entity: Entity[Any]) -> Schema:
    if isinstance(entity, Number):
        return {
            "type": "integer",
            "minimum": entity.minimum,
            "maximum": entity.maximum,
            "multipleOf": entity.step,
        }
    words = {"lock": ["LOCK", "UNLOCK"], "switch": ["ON", "OFF"], "button": ["PRESS", ""]}
    if entity.platform in words:
        return {"type": "string", "enum": words[entity.platform]}
    if entity.platform == "notify":
        return {"anyOf": [_ref("destination"), {"type": "string"}]}
    return {"type": "string", "description": "One of the entity's options"}


def _or_unknown(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"const": UNKNOWN}]}


def schemas() -> dict[str, Schema]:
    """Return the payload schemas that several channels share, by name."""
    text = {"type": ["string", "null"]}
    time = {"type": ["string", "null"], "format": "date-time"}
    event_types = next(e.event_types for e in VEHICLE_ENTITIES if isinstance(e, Event))
    return {
        "number": _or_unknown({"type": "number", "description": "Decimal, with . as separator"}),
        "flag": {"type": "string", "enum": ["ON", "OFF", UNKNOWN]},
        "lock": {
            "type": "string",
            "enum": ["LOCKED", "UNLOCKED", "LOCKING", "UNLOCKING", UNKNOWN],
        },
        "time": _or_unknown({"type": "string", "format": "date-time"}),
        "date": _or_unknown({"type": "string", "format": "date"}),
        "text": {"type": "string", "maxLength": 255},
        "info": {
            "type": "object",
            "required": ["version", "started_at", "accounts", "vehicles"],
            "properties": {
                "version": {"type": "string"},
                "started_at": {"type": "string", "format": "date-time"},
                "accounts": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "required": ["backend", "region", "read_only"],
                    },
                },
                "vehicles": {
                    "type": "object",
                    "additionalProperties": {"type": "object", "required": ["name", "account"]},
                },
            },
        },
        "state": {
            "type": "object",
            "required": ["vin", "name", "updated_at", "measured_at"],
            "properties": {
                "vin": {"type": "string"},
                "name": text,
                "updated_at": time,
                "measured_at": {
                    "type": "object",
                    "description": "When values were measured, by {platform}/{key}",
                    "additionalProperties": time,
                },
            },
            "additionalProperties": {
                "type": "object",
                "description": "Values by key, one object per platform",
            },
        },
        "position": {
            "type": "object",
            "properties": {
                "latitude": {"type": ["number", "null"]},
                "longitude": {"type": ["number", "null"]},
                "gps_accuracy": {"type": "number"},
                "direction": {"type": ["number", "null"]},
                "updated_at": time,
            },
        },
        "destination": {
            "type": "object",
            "required": ["latitude", "longitude"],
            "properties": {
                "latitude": {"type": "number"},
                "longitude": {"type": "number"},
                **{
                    name: {"type": "string"}
                    for name in ("name", "street", "city", "postal_code", "country")
                },
            },
        },
        "command_event": {
            "type": "object",
            "required": ["event_type", "id", "entity", "payload", "received_at", "finished_at"],
            "properties": {
                "event_type": {"type": "string", "enum": [str(word) for word in event_types]},
                "id": {"type": "string"},
                "entity": text,
                "payload": text,
                "reason": {
                    "type": ["string", "null"],
                    "enum": [*(str(word) for word in Reason), None],
                },
                "message": text,
                "received_at": time,
                "finished_at": time,
            },
        },
    }
