"""Sensors of the body: climate, departure timers, tires, roofs, alarm."""

from collections.abc import Callable

from bmw2mqtt.entities.base import Attributes, Sensor
from bmw2mqtt.entities.conditions import reports_tires
from bmw2mqtt.vehicle.snapshot import ClimateActivity, OpeningState, Timer, Tire, Vehicle
from bmw2mqtt.vehicle.states import AlarmState, PreconditioningError

DEPARTURE_TIMERS = 3


def _preconditioning_minutes(vehicle: Vehicle) -> float | None:
    seconds = vehicle.climate.remaining_s
    return None if seconds is None or not vehicle.climate.is_on else round(seconds / 60, 1)


def _timer(vehicle: Vehicle, number: int) -> Timer | None:
    return next((timer for timer in vehicle.departure_timers if timer.id == number), None)


def _timer_time(number: int) -> Callable[[Vehicle], str | None]:
    def time_of_day(vehicle: Vehicle) -> str | None:
        timer = _timer(vehicle, number)
        return f"{timer.time:%H:%M}" if timer is not None and timer.time is not None else None

    return time_of_day


def _timer_attributes(number: int) -> Callable[[Vehicle], Attributes]:
    def attributes(vehicle: Vehicle) -> Attributes:
        timer = _timer(vehicle, number)
        weekdays = timer.weekdays if timer else ()
        return {
            "weekdays": [weekday.lower() for weekday in weekdays],
            "active": timer.is_active if timer else None,
        }

    return attributes


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
    Sensor(
        key="preconditioning_time_remaining",
        name="Preconditioning time remaining",
        value=_preconditioning_minutes,
        appears_with_value=True,
        unit="min",
        device_class="duration",
        state_class="measurement",
        precision=0,
        icon="mdi:fan-clock",
    ),
    Sensor(
        key="preconditioning_error",
        name="Preconditioning error",
        value=lambda vehicle: vehicle.climate.error,
        appears_with_value=True,
        device_class="enum",
        options=tuple(PreconditioningError),
        category="diagnostic",
        enabled=False,
        icon="mdi:fan-alert",
    ),
    *(
        Sensor(
            key=f"departure_timer_{number}",
            name=f"Departure timer {number}",
            value=_timer_time(number),
            attributes=_timer_attributes(number),
            appears_with_value=True,
            enabled=False,
            icon="mdi:car-clock",
        )
        for number in range(1, DEPARTURE_TIMERS + 1)
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


def _temperature(wheel: Callable[[Vehicle], Tire]) -> Callable[[Vehicle], float | None]:
    return lambda vehicle: wheel(vehicle).temperature_c


WHEELS: tuple[tuple[str, Callable[[Vehicle], Tire]], ...] = (
    ("Front left", lambda vehicle: vehicle.tires.front_left),
    ("Front right", lambda vehicle: vehicle.tires.front_right),
    ("Rear left", lambda vehicle: vehicle.tires.rear_left),
    ("Rear right", lambda vehicle: vehicle.tires.rear_right),
)
TIRES: tuple[Sensor[Vehicle], ...] = (
    *(
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
    ),
    *(
        Sensor(
            key=f"tire_temperature_{position.lower().replace(' ', '_')}",
            name=f"Tire temperature {position.lower()}",
            value=_temperature(wheel),
            appears_with_value=True,
            unit="°C",
            device_class="temperature",
            state_class="measurement",
            precision=0,
            enabled=False,
        )
        for position, wheel in WHEELS
    ),
)


def _roof(name: str) -> Callable[[Vehicle], str | None]:
    """Return the state of a roof in lower case, as all enumerations but the oldest are."""

    def state(vehicle: Vehicle) -> str | None:
        found = (lid.state for lid in vehicle.lids or () if lid.name == name)
        word = next(found, OpeningState.UNKNOWN)
        return None if word is OpeningState.UNKNOWN else word.lower()

    return state


SECURITY: tuple[Sensor[Vehicle], ...] = (
    *(
        Sensor(
            key=key,
            name=name,
            value=_roof(lid),
            appears_with_value=True,
            device_class="enum",
            options=tuple(
                state.lower() for state in OpeningState if state is not OpeningState.UNKNOWN
            ),
            icon=icon,
        )
        for key, name, lid, icon in (
            ("sunroof", "Sunroof", "sunRoof", "mdi:car-select"),
            ("convertible_roof", "Roof", "convertibleRoof", "mdi:car-convertible"),
        )
    ),
    Sensor(
        key="alarm",
        name="Alarm",
        value=lambda vehicle: vehicle.alarm,
        appears_with_value=True,
        device_class="enum",
        options=tuple(AlarmState),
        icon="mdi:shield-car",
    ),
)
