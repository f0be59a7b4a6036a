"""The status document: everything the page shows, as JSON. Without secrets and positions."""

import re
from collections.abc import Iterable
from typing import Any, Final

from bmw2mqtt import __version__
from bmw2mqtt.entities import VEHICLE_ENTITIES
from bmw2mqtt.entities.base import Entity
from bmw2mqtt.mqtt.command_queue import CommandRequest
from bmw2mqtt.registered_vehicle import RegisteredVehicle
from bmw2mqtt.vehicle.account import AccountState
from bmw2mqtt.vehicle.snapshot import Vehicle
from bmw2mqtt.web.car_values import native
from bmw2mqtt.web.context import PageContext

_ENTITIES: Final = {f"{entity.platform}/{entity.key}": entity for entity in VEHICLE_ENTITIES}
SHOWN_ENTITIES: Final = tuple(
    _ENTITIES[entity_id]
    for entity_id in (
        "sensor/remaining_battery_percent",
        "sensor/remaining_range_electric",
        "sensor/charging_status",
        "sensor/charging_end_time",
        "sensor/charging_target",
        "binary_sensor/connection_status",
        "sensor/remaining_fuel_percent",
        "sensor/remaining_fuel",
        "sensor/remaining_range_fuel",
        "sensor/remaining_range_total",
        "sensor/mileage",
        "sensor/climate_status",
        "binary_sensor/door_lock_state",
        "binary_sensor/lids",
        "binary_sensor/windows",
        "binary_sensor/condition_based_services",
        "binary_sensor/check_control_messages",
    )
)
"""The main values of a car."""
_SHOWN_PAYLOAD: Final = re.compile(r"[A-Za-z_]{1,30}|[0-9]{1,3}")
"""Words and small numbers. Any other payload could contain a position."""


def document(context: PageContext) -> dict[str, Any]:
    """Return the status document."""
    names: dict[str, str] = {}
    cars: list[dict[str, Any]] = []
    for car in context.devices.vehicles():
        names[car.vehicle.vin] = car.name
        cars.append(_car(car, context))
    return {
        "version": __version__,
        "has_settings": context.setup is not None,
        "mqtt": {
            "is_connected": context.is_connected(),
            "broker": context.broker,
            "username": context.settings.mqtt.username,
            "reason": None if context.is_connected() else context.broker_problem(),
        },
        "can_remove": context.removal is not None,
        "is_removed": context.removal is not None and context.removal.is_done,
        "accounts": [_account(state, context) for state in context.devices.account_states()],
        "cars": cars,
        "running": [
            _running(request, is_running=is_running)
            for request, is_running in context.commands.unfinished()
        ],
        "has_dashboard": _is_in_home_assistant(context, names),
        "commands": [_command(event, names) for event in context.commands.last],
    }


def _is_in_home_assistant(context: PageContext, vins: Iterable[str]) -> bool:
    """Whether a car is announced to Home Assistant."""
    topics = context.topics
    return any(context.retained(topics.vehicle(vin).discovery) is not None for vin in vins)


def picture_tag(image: bytes) -> str:
    """Return a tag that changes with a picture's content; it may change with a restart."""
    return f"{hash(image) & 0xFFFFFFFFFFFFFFFF:016x}"


def _account(state: AccountState, context: PageContext) -> dict[str, Any]:
    settings = context.settings.accounts.get(state.name)
    return {
        "name": state.name,
        "backend": state.backend.name,
        "backend_title": state.backend.title,
        "login": state.backend.login,
        "has_commands": state.backend.has_commands,
        "reads_relay": settings is not None and settings.stream_topics is not None,
        "is_read_only": context.devices.is_read_only(state.name),
        "status": state.status,
        "message": state.message,
        "is_polling": state.is_polling,
        "paused_at": native(state.paused_at),
        "is_login_required": state.is_login_required,
        "login_url": state.login_url,
        "can_receive": state.login_form_url is not None,
        "user_code": state.user_code,
        "expires_at": native(state.expires_at),
        "last_update": native(state.last_update),
        "next_update": native(state.next_update),
        "requests_24h": state.requests_24h,
        "requests_left": state.requests_left,
        "stream": _stream(state),
    }


def _stream(state: AccountState) -> dict[str, Any] | None:
    if state.is_stream_connected is None:
        return None
    return {
        "is_connected": state.is_stream_connected,
        "since": native(state.stream_since),
        "reason": state.stream_reason,
        "last_message_at": native(state.last_message_at),
    }


def _car(car: RegisteredVehicle, context: PageContext) -> dict[str, Any]:
    vehicle = car.vehicle
    account = context.accounts.get(car.account)
    streamed = account.streamed(vehicle.vin) if account else None
    picture = None
    if vehicle.image is not None:
        picture = f"cars/{vehicle.vin}/picture.png?{picture_tag(vehicle.image)}"
    return {
        "vin": vehicle.vin,
        "name": car.name,
        "account": car.account,
        "is_available": car.is_available,
        "updated_at": native(vehicle.updated_at),
        "picture": picture,
        "has_history": vehicle.history is not None,
        "stream_hint": streamed is not None and streamed.is_silent,
        "values": {
            f"{entity.platform}/{entity.key}": _value(entity, vehicle)
            for entity in SHOWN_ENTITIES
            if entity.exists(vehicle)
        },
    }


def _value(entity: Entity[Vehicle], vehicle: Vehicle) -> dict[str, Any]:
    value = {"name": entity.name, "value": native(entity.value(vehicle))}
    if unit := getattr(entity, "unit", None):
        value["unit"] = unit
    if entity.attributes is not None:
        value["attributes"] = dict(entity.attributes(vehicle))
    return value


def _running(request: CommandRequest, *, is_running: bool) -> dict[str, Any]:
    entity = _ENTITIES.get(request.entity_id)
    return {
        "id": request.id,
        "vin": request.vin,
        "entity": entity.name if entity else request.entity_id,
        "received_at": native(request.received_at),
        "is_running": is_running,
    }


def _command(event: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    entity = _ENTITIES.get(event["entity"])
    payload = event["payload"]
    return {
        "id": event["id"],
        "at": event["finished_at"],
        "car": names.get(event["vin"], event["vin"]),
        "entity": entity.name if entity else event["entity"],
        "payload": payload if _SHOWN_PAYLOAD.fullmatch(payload) else None,
        "outcome": event["event_type"],
        "reason": event["reason"],
        "message": event["message"],
    }
