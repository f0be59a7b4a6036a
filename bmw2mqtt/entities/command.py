"""What a car can be told: lock, buttons, number, selects, switches and notify.

Each row exists only for a service that BMW offers for this car.
"""

from collections.abc import Callable

from bmw2mqtt.entities import payload
from bmw2mqtt.entities.base import Button, Event, Lock, Notify, Number, Select, Switch
from bmw2mqtt.entities.binary_sensor import is_unlocked, lock_attributes
from bmw2mqtt.vehicle.commands import (
    Action,
    Command,
    EventType,
    SendPoi,
    SetAcLimit,
    SetChargingMode,
    SetTargetSoc,
    is_offered,
)
from bmw2mqtt.vehicle.snapshot import ChargingMode, ChargingStatus, Vehicle

MINIMUM_SOC_PERCENT, MAXIMUM_SOC_PERCENT, SOC_STEP_PERCENT = 20, 100, 5
"""What BMW accepts as a target."""

_CHARGING_OR_DONE = {
    ChargingStatus.CHARGING,
    ChargingStatus.COMPLETE,
    ChargingStatus.FULLY_CHARGED,
    ChargingStatus.FINISHED_FULLY_CHARGED,
    ChargingStatus.FINISHED_NOT_FULL,
    ChargingStatus.TARGET_REACHED,
}


def offers(*commands: Command | type[Command]) -> Callable[[Vehicle], bool]:
    """Return the rule that an entity exists where BMW offers one of these commands."""

    def is_any_offered(vehicle: Vehicle) -> bool:
        return any(is_offered(command, vehicle.capabilities) for command in commands)

    return is_any_offered


def _lock_state(vehicle: Vehicle) -> str | None:
    if not vehicle.capabilities.state_reports:
        return None
    return {True: "UNLOCKED", False: "LOCKED", None: None}[is_unlocked(vehicle)]


LOCKS: tuple[Lock[Vehicle], ...] = (
    Lock(
        key="lock",
        name="Lock",
        value=_lock_state,
        attributes=lock_attributes,
        exists=offers(Action.LOCK, Action.UNLOCK),
        command=payload.words({"LOCK": Action.LOCK, "UNLOCK": Action.UNLOCK}),
    ),
)

BUTTONS: tuple[Button[Vehicle], ...] = (
    Button(
        key="light_flash",
        name="Flash lights",
        exists=offers(Action.FLASH_LIGHTS),
        command=payload.press(Action.FLASH_LIGHTS),
        icon="mdi:car-light-alert",
    ),
    Button(
        key="sound_horn",
        name="Sound horn",
        exists=offers(Action.SOUND_HORN),
        command=payload.press(Action.SOUND_HORN),
        icon="mdi:bullhorn",
    ),
    Button(
        key="activate_air_conditioning",
        name="Activate air conditioning",
        exists=offers(Action.START_CLIMATE),
        command=payload.press(Action.START_CLIMATE),
        icon="mdi:hvac",
    ),
    Button(
        key="deactivate_air_conditioning",
        name="Deactivate air conditioning",
        exists=offers(Action.STOP_CLIMATE),
        command=payload.press(Action.STOP_CLIMATE),
        icon="mdi:hvac-off",
    ),
    Button(
        key="find_vehicle",
        name="Find vehicle",
        exists=offers(Action.FIND_VEHICLE),
        command=payload.press(Action.FIND_VEHICLE),
        icon="mdi:crosshairs-question",
    ),
)


def _target_soc(vehicle: Vehicle) -> int | None:
    """Show what Home Assistant's slider can: it refuses values out of its bounds."""
    target = vehicle.charging.target_soc_percent
    if target is None or not MINIMUM_SOC_PERCENT <= target <= MAXIMUM_SOC_PERCENT:
        return None
    return target


def _set_target_soc(_: Vehicle, text: str) -> Command:
    percent = payload.whole_number(
        text, minimum=MINIMUM_SOC_PERCENT, maximum=MAXIMUM_SOC_PERCENT, step=SOC_STEP_PERCENT
    )
    return SetTargetSoc(percent)


NUMBERS: tuple[Number[Vehicle], ...] = (
    Number(
        key="target_soc",
        name="Target SoC",
        value=_target_soc,
        exists=offers(SetTargetSoc),
        command=_set_target_soc,
        minimum=MINIMUM_SOC_PERCENT,
        maximum=MAXIMUM_SOC_PERCENT,
        step=SOC_STEP_PERCENT,
        unit="%",  # the old integration had none; Home Assistant refuses that from 2027.5 on
        device_class="battery",
        icon="mdi:battery-charging-medium",
    ),
)


def _ac_limits(vehicle: Vehicle) -> tuple[str, ...]:
    return tuple(str(limit) for limit in vehicle.charging.ac_limits_a)


def _has_ac_limits(vehicle: Vehicle) -> bool:
    return is_offered(SetAcLimit, vehicle.capabilities) and bool(vehicle.charging.ac_limits_a)


def _ac_limit(vehicle: Vehicle) -> str | None:
    limit = vehicle.charging.ac_limit_a
    return str(limit) if limit in vehicle.charging.ac_limits_a else None


def _set_ac_limit(vehicle: Vehicle, text: str) -> Command:
    limits = _ac_limits(vehicle)
    if text not in limits:
        raise ValueError(f"expected one of {', '.join(limits)} (A)")
    return SetAcLimit(int(text))


SELECTS: tuple[Select[Vehicle], ...] = (
    Select(
        key="ac_limit",
        name="AC charging limit",
        value=_ac_limit,
        exists=_has_ac_limits,
        options=_ac_limits,
        command=_set_ac_limit,
        icon="mdi:current-ac",
    ),
    Select(
        key="charging_mode",
        name="Charging mode",
        value=lambda vehicle: vehicle.charging.mode,
        exists=offers(SetChargingMode),
        options=lambda _: tuple(ChargingMode),
        command=payload.words({mode.value: SetChargingMode(mode) for mode in ChargingMode}),
        icon="mdi:vector-point-select",
    ),
)


def _is_charging_switched_on(vehicle: Vehicle) -> bool | None:
    status = vehicle.charging.status
    return None if status is None else status in _CHARGING_OR_DONE


SWITCHES: tuple[Switch[Vehicle], ...] = (
    Switch(
        key="climate",
        name="Climate",
        value=lambda vehicle: vehicle.climate.is_on,
        exists=offers(Action.STOP_CLIMATE),
        command=payload.words({"ON": Action.START_CLIMATE, "OFF": Action.STOP_CLIMATE}),
        icon="mdi:fan",
    ),
    Switch(
        key="charging",
        name="Charging",
        value=_is_charging_switched_on,
        exists=offers(Action.STOP_CHARGING),
        command=payload.words({"ON": Action.START_CHARGING, "OFF": Action.STOP_CHARGING}),
        icon="mdi:ev-station",
    ),
)

NOTIFIES: tuple[Notify[Vehicle], ...] = (
    Notify(
        key="poi",
        name="Send destination",
        exists=offers(SendPoi),
        command=payload.poi,
        icon="mdi:map-marker-right",
        works_read_only=True,
    ),
)

EVENTS: tuple[Event[Vehicle], ...] = (
    Event(
        key="command",
        name="Command",
        exists=lambda vehicle: vehicle.capabilities.commands,
        event_types=tuple(EventType),
        icon="mdi:car-info",
    ),
)
