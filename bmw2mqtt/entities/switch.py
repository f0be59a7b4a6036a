"""Switches of a car."""

from bmw2mqtt.entities import payload
from bmw2mqtt.entities.base import Switch
from bmw2mqtt.vehicle.commands import Action
from bmw2mqtt.vehicle.snapshot import ChargingStatus, Vehicle

_CHARGING_OR_DONE = {
    ChargingStatus.CHARGING,
    ChargingStatus.COMPLETE,
    ChargingStatus.FULLY_CHARGED,
    ChargingStatus.FINISHED_FULLY_CHARGED,
    ChargingStatus.FINISHED_NOT_FULL,
    ChargingStatus.TARGET_REACHED,
}


def _is_charging_switched_on(vehicle: Vehicle) -> bool | None:
    status = vehicle.charging.status
    return None if status is None else status in _CHARGING_OR_DONE


SWITCHES: tuple[Switch[Vehicle], ...] = (
    Switch(
        key="climate",
        name="Climate",
        value=lambda vehicle: vehicle.climate.is_on,
        exists=lambda vehicle: vehicle.capabilities.climate_state,
        command=payload.words({"ON": Action.START_CLIMATE, "OFF": Action.STOP_CLIMATE}),
        requires={Action.START_CLIMATE: lambda vehicle: vehicle.capabilities.climate_start},
        icon="mdi:fan",
    ),
    Switch(
        key="charging",
        name="Charging",
        value=_is_charging_switched_on,
        exists=lambda vehicle: vehicle.capabilities.charge_stop,
        command=payload.words({"ON": Action.START_CHARGING, "OFF": Action.STOP_CHARGING}),
        requires={Action.START_CHARGING: lambda vehicle: vehicle.capabilities.charge_start},
        icon="mdi:ev-station",
    ),
)
