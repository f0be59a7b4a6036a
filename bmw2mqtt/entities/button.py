"""Buttons of a car: commands without a value."""

from bmw2mqtt.entities import payload
from bmw2mqtt.entities.base import Button
from bmw2mqtt.vehicle.commands import Action
from bmw2mqtt.vehicle.snapshot import Vehicle

BUTTONS: tuple[Button[Vehicle], ...] = (
    Button(
        key="light_flash",
        name="Flash lights",
        exists=lambda vehicle: vehicle.capabilities.lights,
        command=payload.press(Action.FLASH_LIGHTS),
        icon="mdi:car-light-alert",
    ),
    Button(
        key="sound_horn",
        name="Sound horn",
        exists=lambda vehicle: vehicle.capabilities.horn,
        command=payload.press(Action.SOUND_HORN),
        icon="mdi:bullhorn",
    ),
    Button(
        key="activate_air_conditioning",
        name="Activate air conditioning",
        exists=lambda vehicle: vehicle.capabilities.climate_start,
        command=payload.press(Action.START_CLIMATE),
        icon="mdi:hvac",
    ),
    Button(
        key="deactivate_air_conditioning",
        name="Deactivate air conditioning",
        exists=lambda vehicle: vehicle.capabilities.climate_state,
        command=payload.press(Action.STOP_CLIMATE),
        icon="mdi:hvac-off",
    ),
    Button(
        key="find_vehicle",
        name="Find vehicle",
        exists=lambda vehicle: vehicle.capabilities.find_vehicle,
        command=payload.press(Action.FIND_VEHICLE),
        icon="mdi:crosshairs-question",
    ),
)
