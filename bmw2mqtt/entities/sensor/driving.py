"""Sensors of driving: distances, fuel, navigation, and when the car last reported."""

from bmw2mqtt.entities.base import Sensor
from bmw2mqtt.entities.conditions import (
    has_engine,
    reports_charging,
    reports_fuel,
    reports_state,
)
from bmw2mqtt.vehicle.snapshot import Vehicle

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
    Sensor(
        key="lifetime_fuel_used",
        name="Fuel used, lifetime",
        value=lambda vehicle: vehicle.fuel.lifetime_used_l,
        exists=has_engine,
        appears_with_value=True,
        unit="L",
        device_class="volume",
        state_class="total_increasing",
        precision=0,
        enabled=False,
        icon="mdi:gas-station",
    ),
)

NAVIGATION: tuple[Sensor[Vehicle], ...] = (
    Sensor(
        key="destination_distance",
        name="To destination",
        value=lambda vehicle: vehicle.destination_km,
        appears_with_value=True,
        unit="km",
        device_class="distance",
        state_class="measurement",
        precision=0,
        enabled=False,
        icon="mdi:map-marker-path",
    ),
    Sensor(
        key="destination_arrival",
        name="Arrival",
        value=lambda vehicle: vehicle.arrival_at,
        appears_with_value=True,
        device_class="timestamp",
        enabled=False,
        icon="mdi:map-clock",
    ),
)

REPORT: tuple[Sensor[Vehicle], ...] = (
    Sensor(
        key="last_report",
        name="Last report",
        value=lambda vehicle: vehicle.last_report_at,
        appears_with_value=True,
        device_class="timestamp",
        category="diagnostic",
    ),
)
