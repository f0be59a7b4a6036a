"""The first values of an account's cars, for the last step of the setup."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bmw2mqtt.web.car_values import native
from bmw2mqtt.web.context import PageContext
from bmw2mqtt.web.setup.texts import Texts
from bmw2mqtt.web.status_document import SHOWN_ENTITIES

_SHOWN: Final = 4


@dataclass(frozen=True, slots=True)
class CarWithValues:
    """A car that has sent something."""

    vin: str
    name: str
    values: tuple[tuple[str, str], ...]
    """Label and text of each."""


def cars_with_values(context: PageContext, account: str, t: Texts) -> list[CarWithValues]:
    """Return the cars of an account that have at least one value."""
    cars = [car for car in context.devices.vehicles() if car.account == account]
    found = (
        CarWithValues(
            car.vehicle.vin,
            car.name,
            tuple(
                (t(f"value.{entity.key}"), _text(value, entity.unit, t))
                for entity in SHOWN_ENTITIES
                if hasattr(entity, "unit") and f"value.{entity.key}" in t
                if entity.exists(car.vehicle)
                and (value := native(entity.value(car.vehicle))) is not None
            )[:_SHOWN],
        )
        for car in cars
    )
    return [car for car in found if car.values]


def _text(value: object, unit: str, t: Texts) -> str:
    if not isinstance(value, int | float):
        return f"{value} {unit}"
    shown, shown_unit = t.visitor.quantity(value, unit)
    is_whole = float(shown).is_integer() or shown_unit != unit
    text = f"{shown:,.0f}" if is_whole else f"{shown:,.1f}"
    if t.language == "de":
        text = text.translate(str.maketrans(",.", ".,"))
    return f"{text} {shown_unit}"


def topics_for_evcc(vin: str, base_topic: str) -> Iterator[str]:
    """Yield the topics that evcc reads."""
    yield f"{base_topic}/{vin}/sensor/remaining_battery_percent"
    yield f"{base_topic}/{vin}/sensor/remaining_range_electric"
    yield f"{base_topic}/{vin}/binary_sensor/connection_status"
    yield f"{base_topic}/{vin}/binary_sensor/charging_status"
