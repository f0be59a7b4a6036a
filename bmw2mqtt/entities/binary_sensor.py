"""Binary sensors of a car. As in Home Assistant, `True` is open, unlocked, or a problem."""

from collections.abc import Iterable

from bmw2mqtt.entities.base import Attributes, BinarySensor
from bmw2mqtt.entities.conditions import has_battery, reports_state
from bmw2mqtt.vehicle.snapshot import (
    ChargingStatus,
    LockState,
    Opening,
    OpeningState,
    ServiceStatus,
    Severity,
    Vehicle,
)

_OPEN = {OpeningState.OPEN, OpeningState.OPEN_TILT, OpeningState.INTERMEDIATE}


def is_any_open(openings: Iterable[Opening] | None) -> bool | None:
    """Whether at least one is open; `None` if none is known to be open and one is unknown."""
    if openings is None:
        return None
    states = {opening.state for opening in openings}
    if states & _OPEN:
        return True
    return None if OpeningState.UNKNOWN in states else False


def _openings(openings: Iterable[Opening] | None) -> Attributes:
    return {opening.name: opening.state.value for opening in openings or ()}


def is_unlocked(vehicle: Vehicle) -> bool | None:
    """Whether the doors are neither locked nor secured (partially locked counts as unlocked)."""
    if vehicle.door_lock is None:
        return None
    return vehicle.door_lock not in {LockState.LOCKED, LockState.SECURED}


def lock_attributes(vehicle: Vehicle) -> Attributes:
    """Return BMW's word for the lock, for cars that report their state."""
    if not reports_state(vehicle):
        return {}
    return {"door_lock_state": vehicle.door_lock or "UNKNOWN"}


def _is_service_required(vehicle: Vehicle) -> bool | None:
    if vehicle.services is None:
        return None
    return any(service.status is not ServiceStatus.OK for service in vehicle.services)


def _services(vehicle: Vehicle) -> Attributes:
    attributes: dict[str, str] = {}
    for service in vehicle.services or ():
        name = service.type.lower()
        attributes[name] = service.status
        if service.due_date is not None:
            attributes[f"{name}_date"] = service.due_date.isoformat()
        if service.due_distance_km is not None:
            attributes[f"{name}_distance"] = f"{service.due_distance_km} km"
    return attributes


def _has_messages(vehicle: Vehicle) -> bool | None:
    if vehicle.check_control_messages is None:
        return None
    return any(message.severity is not Severity.LOW for message in vehicle.check_control_messages)


def _messages(vehicle: Vehicle) -> Attributes:
    messages = vehicle.check_control_messages or ()
    return {message.type.lower(): message.severity for message in messages}


def _is_charging(vehicle: Vehicle) -> bool | None:
    status = vehicle.charging.status
    return None if status is None else status is ChargingStatus.CHARGING


BINARY_SENSORS: tuple[BinarySensor[Vehicle], ...] = (
    BinarySensor(
        key="lids",
        name="Lids",
        value=lambda vehicle: is_any_open(vehicle.lids),
        attributes=lambda vehicle: _openings(vehicle.lids),
        exists=reports_state,
        device_class="opening",
        icon="mdi:car-door-lock",
    ),
    BinarySensor(
        key="windows",
        name="Windows",
        value=lambda vehicle: is_any_open(vehicle.windows),
        attributes=lambda vehicle: _openings(vehicle.windows),
        exists=reports_state,
        device_class="opening",
        icon="mdi:car-door",
    ),
    BinarySensor(
        key="door_lock_state",
        name="Door lock state",
        value=is_unlocked,
        attributes=lock_attributes,
        exists=reports_state,
        device_class="lock",
        icon="mdi:car-key",
    ),
    BinarySensor(
        key="condition_based_services",
        name="Condition-based services",
        value=_is_service_required,
        attributes=_services,
        exists=reports_state,
        device_class="problem",
        icon="mdi:wrench",
    ),
    BinarySensor(
        key="check_control_messages",
        name="Check control messages",
        value=_has_messages,
        attributes=_messages,
        exists=reports_state,
        device_class="problem",
        icon="mdi:car-tire-alert",
    ),
    BinarySensor(
        key="charging_status",
        name="Charging status",
        value=_is_charging,
        exists=has_battery,
        device_class="battery_charging",
        icon="mdi:ev-station",
    ),
    BinarySensor(
        key="connection_status",
        name="Connection status",
        value=lambda vehicle: vehicle.charging.is_plugged_in,
        exists=has_battery,
        device_class="plug",
        icon="mdi:car-electric",
    ),
    BinarySensor(
        key="is_pre_entry_climatization_enabled",
        name="Pre-entry climatization",
        value=lambda vehicle: vehicle.charging.is_pre_entry_climatization_enabled,
        exists=has_battery,
        icon="mdi:car-seat-heater",
    ),
)
