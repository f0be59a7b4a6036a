"""Binary sensors of a car. As in Home Assistant, `True` is open, unlocked, or a problem."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter

from bmw2mqtt.entities.base import Attributes, BinarySensor
from bmw2mqtt.entities.conditions import has_battery, reports_state
from bmw2mqtt.vehicle.battery_12v import has_problem
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


_ROOFS = {"sunRoof", "convertibleRoof"}


def _lids(vehicle: Vehicle) -> tuple[Opening, ...] | None:
    """Return doors, hood, trunk and roof; `None` if nothing but a closed roof is known."""
    told = (lid for lid in vehicle.lids or () if lid.state is not OpeningState.UNKNOWN)
    is_any_told = any(lid.name not in _ROOFS or lid.state in _OPEN for lid in told)
    return vehicle.lids if is_any_told else None


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
    """Return status, date and distance of each service; a second of one type is `type_2`."""
    attributes: dict[str, str] = {}
    types = [service.type.lower() for service in vehicle.services or ()]
    for name, service in zip(_numbered(types), vehicle.services or (), strict=True):
        attributes[name] = service.status
        if service.due_date is not None:
            attributes[f"{name}_date"] = service.due_date.isoformat()
        if service.due_distance_km is not None:
            attributes[f"{name}_distance"] = f"{service.due_distance_km} km"
    return attributes


def _numbered(names: Sequence[str]) -> Iterator[str]:
    """Make names unique: what repeats becomes `name_2`, `name_3`."""
    counts: Counter[str] = Counter()
    for name in names:
        counts[name] += 1
        yield name if counts[name] == 1 else f"{name}_{counts[name]}"


def _has_messages(vehicle: Vehicle) -> bool | None:
    if vehicle.check_control_messages is None:
        return None
    return any(message.severity is not Severity.LOW for message in vehicle.check_control_messages)


def _messages(vehicle: Vehicle) -> Attributes:
    """Return each message's severity by type, as the old integration, and all of them in full."""
    messages = vehicle.check_control_messages
    if not messages:
        return {}
    types = [message.type.lower() for message in messages]
    return {
        **dict(zip(_numbered(types), (message.severity for message in messages), strict=True)),
        "messages": [
            {
                "type": name,
                "text": message.description,
                "severity": message.severity,
                "mileage_km": message.mileage_km,
            }
            for name, message in zip(types, messages, strict=True)
        ],
    }


def _is_charging(vehicle: Vehicle) -> bool | None:
    status = vehicle.charging.status
    return None if status is None else status is ChargingStatus.CHARGING


def _opposite(flag: bool | None) -> bool | None:  # noqa: FBT001 - a value, not an option
    return None if flag is None else not flag


_PLACES = (
    ("front_left", "front left", "leftFront"),
    ("front_right", "front right", "rightFront"),
    ("rear_left", "rear left", "leftRear"),
    ("rear_right", "rear right", "rightRear"),
)
"""Key, name, and BMW's name of the doors and windows."""


def _state(openings: Iterable[Opening] | None, name: str) -> OpeningState | None:
    """Return the state of one opening; `None` if the car has not reported it."""
    found = (opening.state for opening in openings or () if opening.name == name)
    state = next(found, None)
    return None if state is OpeningState.UNKNOWN else state


def _is_open(kind: str, name: str) -> Callable[[Vehicle], bool | None]:
    """Return whether one of the `lids` or `windows` is open."""

    def is_open(vehicle: Vehicle) -> bool | None:
        state = _state(getattr(vehicle, kind), name)
        return None if state is None else state in _OPEN

    return is_open


def _window_position(name: str) -> Callable[[Vehicle], Attributes]:
    def position(vehicle: Vehicle) -> Attributes:
        state = _state(vehicle.windows, name)
        return {"position": None if state is None else state.lower()}

    return position


BINARY_SENSORS: tuple[BinarySensor[Vehicle], ...] = (
    BinarySensor(
        key="lids",
        name="Lids",
        value=lambda vehicle: is_any_open(_lids(vehicle)),
        attributes=lambda vehicle: _openings(_lids(vehicle)),
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
    BinarySensor(
        key="charging_cable_lock",
        name="Charging cable lock",
        value=lambda vehicle: _opposite(vehicle.charging.is_cable_locked),
        exists=has_battery,
        appears_with_value=True,
        device_class="lock",
        icon="mdi:ev-plug-type2",
    ),
    BinarySensor(
        key="charging_flap",
        name="Charging flap",
        value=lambda vehicle: vehicle.charging.is_flap_open,
        exists=has_battery,
        appears_with_value=True,
        device_class="opening",
        icon="mdi:ev-station",
    ),
    BinarySensor(
        key="battery_12v_recharge",
        name="12 V battery needs charging",
        value=lambda vehicle: vehicle.battery_12v.needs_charging,
        appears_with_value=True,
        device_class="problem",
        category="diagnostic",
        icon="mdi:car-battery",
    ),
    BinarySensor(
        key="battery_12v_problem",
        name="12 V battery problem",
        value=lambda vehicle: has_problem(vehicle.battery_12v, vehicle.history),
        appears_with_value=True,
        device_class="problem",
        category="diagnostic",
        icon="mdi:car-battery",
    ),
    *(
        BinarySensor(
            key=key,
            name=name,
            value=_is_open("lids", lid),
            appears_with_value=True,
            device_class=device_class,
            icon=icon,
        )
        for key, name, lid, device_class, icon in (
            *(
                (f"door_{key}", f"Door {name}", opening, "door", "mdi:car-door")
                for key, name, opening in _PLACES
            ),
            ("hood", "Hood", "hood", "opening", "mdi:car"),
            ("trunk", "Trunk", "trunk", "opening", "mdi:car-back"),
        )
    ),
    *(
        BinarySensor(
            key=f"window_{key}",
            name=f"Window {name}",
            value=_is_open("windows", opening),
            attributes=_window_position(opening),
            appears_with_value=True,
            device_class="window",
            icon="mdi:car-door",
        )
        for key, name, opening in _PLACES
    ),
    *(
        BinarySensor(
            key=key,
            name=name,
            value=attrgetter(fact),
            appears_with_value=True,
            device_class=device_class,
            icon=icon,
        )
        for key, name, fact, device_class, icon in (
            (
                "alarm_triggered",
                "Alarm sounding",
                "is_alarm_triggered",
                "safety",
                "mdi:alarm-light",
            ),
            ("moving", "Moving", "is_moving", "moving", "mdi:car-arrow-right"),
            ("ignition", "Ignition", "is_ignition_on", "running", "mdi:engine"),
            ("lights", "Lights", "are_lights_on", "light", "mdi:car-light-high"),
        )
    ),
)
