"""Sensors of services that become due, and of the 12 V battery."""

from collections.abc import Callable
from datetime import date

from bmw2mqtt.entities.base import Attributes, Sensor, iso
from bmw2mqtt.vehicle.history import Battery12VSummary
from bmw2mqtt.vehicle.snapshot import Service, Vehicle
from bmw2mqtt.vehicle.states import Battery12VHealth

LEGAL_INSPECTION = "VEHICLE_TUV"
_SAME_TYPE = {"OIL": "ENGINE_OIL"}
"""MyBMW's word and CarData's."""


def _service(vehicle: Vehicle, service_type: str) -> Service | None:
    """Return the service of a type that is due first."""
    services = [
        service
        for service in vehicle.services or ()
        if _SAME_TYPE.get(service.type, service.type) == service_type
    ]
    return min(services, key=lambda service: service.due_date or date.max, default=None)


def _service_date(service_type: str) -> Callable[[Vehicle], date | None]:
    def due_date(vehicle: Vehicle) -> date | None:
        service = _service(vehicle, service_type)
        return service.due_date if service else None

    return due_date


def _service_attributes(service_type: str) -> Callable[[Vehicle], Attributes]:
    def attributes(vehicle: Vehicle) -> Attributes:
        service = _service(vehicle, service_type)
        return {
            "distance_km": service.due_distance_km if service else None,
            "status": service.status if service else None,
            "text": service.description if service else None,
        }

    return attributes


def _next_distance_km(vehicle: Vehicle) -> float | None:
    if vehicle.next_service_km is not None:
        return vehicle.next_service_km
    services = vehicle.services or ()
    distances_km = [s.due_distance_km for s in services if s.due_distance_km is not None]
    return min(distances_km, default=None)


def _next_date(vehicle: Vehicle) -> date | None:
    dates = [service.due_date for service in vehicle.services or () if service.due_date is not None]
    return min(dates, default=None)


def _inspection_date(vehicle: Vehicle) -> date | None:
    return vehicle.inspection_date or _service_date(LEGAL_INSPECTION)(vehicle)


SERVICES: tuple[Sensor[Vehicle], ...] = (
    Sensor(
        key="next_service_distance",
        name="Next service in",
        value=_next_distance_km,
        appears_with_value=True,
        unit="km",
        device_class="distance",
        state_class="measurement",
        precision=0,
        icon="mdi:car-wrench",
    ),
    *(
        Sensor(
            key=key,
            name=name,
            value=value,
            appears_with_value=True,
            device_class="date",
            icon=icon,
        )
        for key, name, value, icon in (
            ("next_service_date", "Next service", _next_date, "mdi:calendar-clock"),
            ("inspection_date", "Legal inspection", _inspection_date, "mdi:certificate"),
        )
    ),
    *(
        Sensor(
            key=f"service_{service_type.lower()}",
            name=name,
            value=_service_date(service_type),
            attributes=_service_attributes(service_type),
            appears_with_value=True,
            device_class="date",
            icon=icon,
        )
        for service_type, name, icon in (
            ("ENGINE_OIL", "Engine oil", "mdi:oil"),
            ("BRAKE_FLUID", "Brake fluid", "mdi:car-brake-fluid-level"),
            ("VEHICLE_CHECK", "Vehicle check", "mdi:clipboard-check"),
        )
    ),
)


def _past_12v(vehicle: Vehicle) -> Battery12VSummary | None:
    return None if vehicle.history is None else vehicle.history.battery_12v


def _resting_v(vehicle: Vehicle) -> float | None:
    past = _past_12v(vehicle)
    return None if past is None else round(past.resting_v, 2)


def _resting_at(vehicle: Vehicle) -> str | None:
    past = _past_12v(vehicle)
    return None if past is None else iso(past.resting_at)


def _minimum_by_day(vehicle: Vehicle) -> dict[str, float] | None:
    past = _past_12v(vehicle)
    return None if past is None else {day.day: round(day.voltage_v, 2) for day in past.days}


def _daily_minimum_v(vehicle: Vehicle) -> float | None:
    """Return the lowest resting voltage of the last day that has one."""
    past = _past_12v(vehicle)
    return round(past.days[-1].voltage_v, 2) if past and past.days else None


def _voltage(
    key: str,
    name: str,
    value: Callable[[Vehicle], float | None],
    *,
    precision: int,
    attributes: Callable[[Vehicle], Attributes] | None = None,
) -> Sensor[Vehicle]:
    return Sensor(
        key=key,
        name=name,
        value=value,
        attributes=attributes,
        appears_with_value=True,
        unit="V",
        device_class="voltage",
        state_class="measurement",
        precision=precision,
        category="diagnostic",
    )


BATTERY_12V: tuple[Sensor[Vehicle], ...] = (
    _voltage(
        "battery_12v_voltage",
        "12 V battery voltage",
        lambda vehicle: vehicle.battery_12v.voltage_v,
        precision=1,
    ),
    Sensor(
        key="battery_12v_percent",
        name="12 V battery",
        value=lambda vehicle: vehicle.battery_12v.charge_percent,
        appears_with_value=True,
        unit="%",
        device_class="battery",
        state_class="measurement",
        precision=0,
        category="diagnostic",
    ),
    Sensor(
        key="battery_12v_health",
        name="12 V battery health",
        value=lambda vehicle: vehicle.battery_12v.health,
        appears_with_value=True,
        device_class="enum",
        options=tuple(Battery12VHealth),
        category="diagnostic",
        icon="mdi:car-battery",
    ),
    _voltage(
        "battery_12v_resting_voltage",
        "12 V battery resting voltage",
        _resting_v,
        precision=2,
        attributes=lambda vehicle: {"measured_at": _resting_at(vehicle)},
    ),
    _voltage(
        "battery_12v_daily_minimum",
        "12 V battery daily minimum",
        _daily_minimum_v,
        precision=2,
        attributes=lambda vehicle: {"days": _minimum_by_day(vehicle)},
    ),
)
