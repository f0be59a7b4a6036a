"""Selects of a car: one of several words."""

from bmw2mqtt.entities import payload
from bmw2mqtt.entities.base import Select
from bmw2mqtt.vehicle.commands import Command, SetAcLimit, SetChargingMode
from bmw2mqtt.vehicle.snapshot import ChargingMode, Vehicle


def _ac_limits(vehicle: Vehicle) -> tuple[str, ...]:
    return tuple(str(limit) for limit in vehicle.charging.ac_limits_a)


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
        exists=lambda vehicle: vehicle.capabilities.ac_limit and bool(vehicle.charging.ac_limits_a),
        options=_ac_limits,
        command=_set_ac_limit,
        icon="mdi:current-ac",
    ),
    Select(
        key="charging_mode",
        name="Charging mode",
        value=lambda vehicle: vehicle.charging.mode,
        exists=lambda vehicle: vehicle.capabilities.charging_plan,
        options=lambda _: tuple(ChargingMode),
        command=payload.words({mode.value: SetChargingMode(mode) for mode in ChargingMode}),
        icon="mdi:vector-point-select",
    ),
)
