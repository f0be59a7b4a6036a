"""Sensors of a car: numbers, words and times."""

from collections.abc import Callable

from bmw2mqtt.entities.base import Sensor
from bmw2mqtt.entities.conditions import (
    reports_charging,
    reports_fuel,
    reports_state,
    reports_tires,
)
from bmw2mqtt.vehicle.snapshot import ChargingStatus, ClimateActivity, Tire, Vehicle

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
)

DISTANCES: tuple[Sensor[Vehicle], ...] = (
    Sensor(
        key="mileage",
        name="Mileage",
        value=lambda vehicle: vehicle.mileage_km,
        exists=reports_state,
        unit="km",
        device_class="distance",
        state_class="total_increasing",
        precision=0,
        icon="mdi:speedometer",
    ),
    *(
        Sensor(
            key=f"remaining_range_{source}",
            name=f"Remaining range {source}",
            value=value,
            exists=exists,
            unit="km",
            device_class="distance",
            state_class="measurement",
            precision=0,
            icon="mdi:map-marker-distance",
        )
        for source, value, exists in (
            ("total", lambda vehicle: vehicle.range_km, reports_state),
            ("electric", lambda vehicle: vehicle.charging.range_km, reports_charging),
            ("fuel", lambda vehicle: vehicle.fuel.range_km, reports_fuel),
        )
    ),
)

FUEL: tuple[Sensor[Vehicle], ...] = (
    Sensor(
        key="remaining_fuel",
        name="Remaining fuel",
        value=lambda vehicle: vehicle.fuel.remaining_l,
        exists=reports_fuel,
        unit="L",
        device_class="volume_storage",
        state_class="measurement",
        precision=0,
        icon="mdi:gas-station",
    ),
    Sensor(
        key="remaining_fuel_percent",
        name="Remaining fuel percent",
        value=lambda vehicle: vehicle.fuel.remaining_percent,
        exists=reports_fuel,
        unit="%",
        state_class="measurement",
        precision=0,
        icon="mdi:gas-station",
    ),
)

CLIMATE: tuple[Sensor[Vehicle], ...] = (
    Sensor(
        key="climate_status",
        name="Climate status",
        value=lambda vehicle: vehicle.climate.activity,
        exists=lambda vehicle: vehicle.capabilities.climate_state,
        device_class="enum",
        options=tuple(ClimateActivity),
        icon="mdi:fan",
    ),
)


def _pressure(
    wheel: Callable[[Vehicle], Tire], pressure_kpa: Callable[[Tire], float | None]
) -> Callable[[Vehicle], float | None]:
    """Return bar, as the old integration: MQTT discovery knows no suggested unit."""

    def value_bar(vehicle: Vehicle) -> float | None:
        kpa = pressure_kpa(wheel(vehicle))
        return None if kpa is None else round(kpa / 100, 3)

    return value_bar


WHEELS: tuple[tuple[str, Callable[[Vehicle], Tire]], ...] = (
    ("Front left", lambda vehicle: vehicle.tires.front_left),
    ("Front right", lambda vehicle: vehicle.tires.front_right),
    ("Rear left", lambda vehicle: vehicle.tires.rear_left),
    ("Rear right", lambda vehicle: vehicle.tires.rear_right),
)
TIRES: tuple[Sensor[Vehicle], ...] = tuple(
    Sensor(
        key=f"{position.lower().replace(' ', '_')}_{key}",
        name=f"{position} {name}",
        value=_pressure(wheel, pressure_kpa),
        exists=reports_tires,
        unit="bar",
        device_class="pressure",
        state_class="measurement",
        precision=2,
        enabled=enabled,
    )
    for position, wheel in WHEELS
    for key, name, pressure_kpa, enabled in (
        ("current_pressure", "tire pressure", lambda tire: tire.pressure_kpa, True),
        ("target_pressure", "target pressure", lambda tire: tire.target_pressure_kpa, False),
    )
)

SENSORS: tuple[Sensor[Vehicle], ...] = (*CHARGING, *DISTANCES, *FUEL, *CLIMATE, *TIRES)
