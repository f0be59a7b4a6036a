"""Every single value of BMW's answers, and which entities are made of it."""

import re
from collections.abc import Iterator
from typing import Any

from bmw2mqtt.entities import VEHICLE_ENTITIES
from bmw2mqtt.entities.base import encode
from bmw2mqtt.mqtt.device import dump_json
from bmw2mqtt.vehicle.snapshot import Vehicle

Path = tuple[str | int, ...]
Shown = dict[str, tuple[str | None, str | None]]
"""Entity id: state and attributes as they are published."""


def shown(vehicle: Vehicle) -> Shown:
    """Return what is published about a car."""
    return {
        entity.id: (
            encode(entity.value(vehicle)).decode() if entity.has_state else None,
            dump_json(entity.attributes(vehicle)).decode() if entity.attributes else None,
        )
        for entity in VEHICLE_ENTITIES
        if entity.exists(vehicle)
    }


def leaves(document: Any, path: Path = ()) -> Iterator[Path]:
    """Walk over the paths of all single values."""
    if isinstance(document, dict | list) and document:
        entries = document.items() if isinstance(document, dict) else enumerate(document)
        for key, value in entries:
            yield from leaves(value, (*path, key))
    elif path:
        yield path


def value_at(document: Any, path: Path) -> Any:
    """Return what is at one place."""
    for key in path:
        document = document[key]
    return document


def branches(document: Any, path: Path = ()) -> Iterator[Path]:
    """Walk over the paths of all objects and lists."""
    if isinstance(document, dict | list) and document:
        if path:
            yield path
        entries = document.items() if isinstance(document, dict) else enumerate(document)
        for key, value in entries:
            yield from branches(value, (*path, key))


def replaced(document: Any, path: Path, value: Any) -> Any:
    """Return a copy with another value at one place; what is beside the path is shared."""
    if not path:
        return value
    copy = document.copy()
    copy[path[0]] = replaced(document[path[0]], path[1:], value)
    return copy


_PLACES = {
    "leftFront": "front_left",
    "rightFront": "front_right",
    "leftRear": "rear_left",
    "rightRear": "rear_right",
}
_TIMERS = {f"sensor_departure_timer_{number}" for number in (1, 2, 3)}
_SERVICES = {
    "binary_sensor_condition_based_services",
    "sensor_inspection_date",
    "sensor_next_service_date",
    "sensor_next_service_distance",
    "sensor_service_engine_oil",
    "sensor_service_brake_fluid",
    "sensor_service_vehicle_check",
}
_WHEEL = {
    "frontLeft": "front_left",
    "frontRight": "front_right",
    "rearLeft": "rear_left",
    "rearRight": "rear_right",
}
_CHARGING_STATUS = {
    "sensor_charging_status",
    "binary_sensor_charging_status",
    "switch_charging",
    "sensor_charging_end_time",
    "sensor_charging_start_time",
    "sensor_charging_time_remaining",
}
_RANGES = {f"sensor_remaining_range_{source}" for source in ("total", "electric", "fuel")}
_LOCK = {"lock_lock", "binary_sensor_door_lock_state"}
_TRACKER = {"device_tracker_location"}

DERIVED: tuple[tuple[str, set[str]], ...] = (
    ("state/currentMileage", {"sensor_mileage"}),
    ("state/lastUpdatedAt", {*_TRACKER, "sensor_last_report"}),
    ("state/location/(coordinates/.*|heading)", _TRACKER),
    ("state/combustionFuelLevel/range", _RANGES),
    ("state/combustionFuelLevel/remainingFuelLiters", {"sensor_remaining_fuel"}),
    ("state/combustionFuelLevel/remainingFuelPercent", {"sensor_remaining_fuel_percent"}),
    ("state/electricChargingState/range", _RANGES),
    ("state/electricChargingState/chargingStatus", _CHARGING_STATUS),
    (
        "state/electricChargingState/remainingChargingMinutes",
        {"sensor_charging_end_time", "sensor_charging_time_remaining"},
    ),
    ("state/electricChargingState/chargingLevelPercent", {"sensor_remaining_battery_percent"}),
    (
        "state/electricChargingState/chargingTarget",
        {"sensor_charging_target", "number_target_soc"},
    ),
    ("state/electricChargingState/isChargerConnected", {"binary_sensor_connection_status"}),
    ("state/doorsState/combinedSecurityState", _LOCK),
    ("state/doorsState/(?!combined).*", {"binary_sensor_lids"}),
    *(
        (f"state/doorsState/{name}", {f"binary_sensor_{key}"})
        for name, key in {
            **{name: f"door_{place}" for name, place in _PLACES.items()},
            "hood": "hood",
            "trunk": "trunk",
        }.items()
    ),
    ("state/roofState/.*", {"binary_sensor_lids", "sensor_sunroof"}),
    ("state/windowsState/(?!combined).*", {"binary_sensor_windows"}),
    *(
        (f"state/windowsState/{name}", {f"binary_sensor_window_{place}"})
        for name, place in _PLACES.items()
    ),
    ("state/securityOverviewMode", {"sensor_alarm"}),
    ("state/requiredServices/.*", _SERVICES),
    ("state/climateControlState/.*", {"sensor_preconditioning_time_remaining"}),
    ("state/(climateTimers|chargingProfile/departureTimes).*", _TIMERS),
    ("state/checkControlMessages(/.*)?", {"binary_sensor_check_control_messages"}),
    ("state/climateControlState/activity", {"sensor_climate_status", "switch_climate"}),
    (
        "state/chargingProfile/climatisationOn",
        {"binary_sensor_is_pre_entry_climatization_enabled"},
    ),
    ("state/chargingProfile/chargingMode", {"select_charging_mode"}),
    (
        "state/chargingProfile/chargingSettings/acCurrentLimit",
        {"sensor_ac_current_limit", "select_ac_limit"},
    ),
    ("state/chargingProfile/reductionOfChargeCurrent/start/.*", {"sensor_charging_start_time"}),
    *(
        (
            f"state/tireState/{name}/status/{field}",
            {f"sensor_{wheel}_{key}"},
        )
        for name, wheel in _WHEEL.items()
        for field, key in (
            ("currentPressure", "current_pressure"),
            ("targetPressure", "target_pressure"),
        )
    ),
    ("capabilities/(lock|unlock)", {"lock_lock"}),
    ("capabilities/lights", {"button_light_flash"}),
    ("capabilities/horn", {"button_sound_horn"}),
    ("capabilities/climateNow", {"button_activate_air_conditioning"}),
    ("capabilities/sendPoi", {"notify_poi"}),
    ("capabilities/vehicleFinder", _TRACKER),
    ("capabilities/isChargingPlanSupported", {"select_charging_mode"}),
    ("capabilities/isChargingTargetSocEnabled", {"number_target_soc"}),
    ("capabilities/isChargingPowerLimitEnabled", {"select_ac_limit"}),
    ("capabilities/remoteChargingCommands/chargingControl(/.*)?", {"switch_charging"}),
    ("charging_settings/chargingSettingsDetail/acLimit/values/.*", {"select_ac_limit"}),
)


def derived_from(path: Path) -> set[str]:
    """Return the ids of the entities a value has a part in."""
    text = "/".join(str(key) for key in path)
    return set().union(*(ids for pattern, ids in DERIVED if re.fullmatch(pattern, text)))
