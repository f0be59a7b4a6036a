"""Sensors of charging and of the high-voltage battery."""

from functools import partial

from bmw2mqtt.entities.base import Sensor
from bmw2mqtt.entities.conditions import has_battery, reports_charging
from bmw2mqtt.vehicle.snapshot import ChargingStatus, Vehicle
from bmw2mqtt.vehicle.states import BatteryPreconditioning, ChargingEndReason, ChargingMethod


def _minutes_remaining(vehicle: Vehicle) -> float | None:
    """Return nothing once the charge is over: BMW goes on sending the last minutes."""
    is_charging = vehicle.charging.status is ChargingStatus.CHARGING
    return vehicle.charging.remaining_minutes if is_charging else None


_of_battery = partial(Sensor[Vehicle], exists=has_battery, appears_with_value=True)

CHARGING: tuple[Sensor[Vehicle], ...] = (
    Sensor(
        key="ac_current_limit",
        name="AC current limit",
        value=lambda vehicle: vehicle.charging.ac_limit_a,
        exists=reports_charging,
        unit="A",
        device_class="current",
        precision=0,
        enabled=False,
    ),
    Sensor(
        key="charging_start_time",
        name="Charging start time",
        value=lambda vehicle: vehicle.charging.start_time,
        exists=reports_charging,
        device_class="timestamp",
        enabled=False,
    ),
    Sensor(
        key="charging_end_time",
        name="Charging end time",
        value=lambda vehicle: vehicle.charging.end_time,
        exists=reports_charging,
        device_class="timestamp",
    ),
    Sensor(
        key="charging_status",
        name="Charging status",
        value=lambda vehicle: vehicle.charging.status,
        exists=reports_charging,
        device_class="enum",
        options=tuple(ChargingStatus),
        icon="mdi:ev-station",
    ),
    Sensor(
        key="charging_target",
        name="Charging target",
        value=lambda vehicle: vehicle.charging.target_soc_percent,
        exists=reports_charging,
        unit="%",
        precision=0,
        icon="mdi:battery-charging-high",
    ),
    Sensor(
        key="remaining_battery_percent",
        name="Remaining battery percent",
        value=lambda vehicle: vehicle.charging.soc_percent,
        exists=reports_charging,
        unit="%",
        device_class="battery",
        state_class="measurement",
        precision=0,
    ),
    _of_battery(
        key="charging_power",
        name="Charging power",
        value=lambda vehicle: vehicle.charging.power_kw,
        unit="kW",
        device_class="power",
        state_class="measurement",
        precision=1,
        icon="mdi:ev-plug-type2",
    ),
    _of_battery(
        key="charging_time_remaining",
        name="Charging time remaining",
        value=_minutes_remaining,
        unit="min",
        device_class="duration",
        state_class="measurement",
        precision=0,
        icon="mdi:battery-clock",
    ),
    *(
        _of_battery(
            key=f"charging_{quantity}",
            name=f"AC charging {quantity}",
            value=value,
            unit=unit,
            device_class=quantity,
            state_class="measurement",
            precision=0,
            enabled=enabled,
        )
        for quantity, unit, value, enabled in (
            ("current", "A", lambda vehicle: vehicle.charging.current_a, True),
            ("voltage", "V", lambda vehicle: vehicle.charging.voltage_v, False),
        )
    ),
    _of_battery(
        key="charging_phases",
        name="Charging phases",
        value=lambda vehicle: vehicle.charging.phases,
        state_class="measurement",
        icon="mdi:sine-wave",
    ),
    _of_battery(
        key="charging_method",
        name="Charging method",
        value=lambda vehicle: vehicle.charging.method,
        device_class="enum",
        options=tuple(ChargingMethod),
        enabled=False,
        icon="mdi:ev-plug-ccs2",
    ),
    _of_battery(
        key="charging_end_reason",
        name="Charging end reason",
        value=lambda vehicle: vehicle.charging.end_reason,
        device_class="enum",
        options=tuple(ChargingEndReason),
        category="diagnostic",
        enabled=False,
        icon="mdi:flag-checkered",
    ),
)

BATTERY: tuple[Sensor[Vehicle], ...] = (
    _of_battery(
        key="battery_preconditioning",
        name="Battery preconditioning",
        value=lambda vehicle: vehicle.charging.preconditioning,
        device_class="enum",
        options=tuple(BatteryPreconditioning),
        icon="mdi:heat-wave",
    ),
    _of_battery(
        key="battery_capacity",
        name="Battery capacity",
        value=lambda vehicle: vehicle.charging.capacity_kwh,
        unit="kWh",
        device_class="energy_storage",
        state_class="measurement",
        precision=1,
        category="diagnostic",
        icon="mdi:car-battery",
    ),
    _of_battery(
        key="battery_health",
        name="Battery health",
        value=lambda vehicle: vehicle.charging.health_percent,
        unit="%",
        state_class="measurement",
        precision=0,
        category="diagnostic",
        icon="mdi:battery-heart-variant",
    ),
    _of_battery(
        key="average_consumption",
        name="Average consumption",
        value=lambda vehicle: vehicle.charging.consumption_kwh_per_100km,
        unit="kWh/100km",  # no device class: energy_distance is younger than Home Assistant 2024.11
        state_class="measurement",
        precision=1,
        icon="mdi:lightning-bolt-circle",
    ),
    _of_battery(
        key="lifetime_energy_charged",
        name="Energy charged, lifetime",
        value=lambda vehicle: vehicle.charging.lifetime_energy_kwh,
        unit="kWh",
        device_class="energy",
        state_class="total_increasing",
        precision=0,
        icon="mdi:transmission-tower-export",
    ),
)
