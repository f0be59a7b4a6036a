"""Numbers of a car that can be set."""

from bmw2mqtt.entities import payload
from bmw2mqtt.entities.base import Number
from bmw2mqtt.vehicle.commands import Command, SetTargetSoc
from bmw2mqtt.vehicle.snapshot import Vehicle

MINIMUM_SOC_PERCENT, MAXIMUM_SOC_PERCENT, SOC_STEP_PERCENT = 20, 100, 5
"""What BMW accepts as a target."""


def _target_soc(vehicle: Vehicle) -> int | None:
    """Return the target within the slider's bounds: Home Assistant refuses any other value."""
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
        exists=lambda vehicle: vehicle.capabilities.target_soc,
        command=_set_target_soc,
        minimum=MINIMUM_SOC_PERCENT,
        maximum=MAXIMUM_SOC_PERCENT,
        step=SOC_STEP_PERCENT,
        unit="%",  # the old integration had none; Home Assistant refuses that from 2027.5 on
        device_class="battery",
        icon="mdi:battery-charging-medium",
    ),
)
