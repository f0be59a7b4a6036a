"""The values of all cars as gauges, in the base units of Prometheus. Never a position."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from bmw2mqtt.devices import DeviceRegistry
from bmw2mqtt.entities.base import Entity, Value
from bmw2mqtt.registered_vehicle import RegisteredVehicle
from bmw2mqtt.vehicle.snapshot import Vehicle
from bmw2mqtt.web.car_values import shown_entities

PREFIX: Final = "bmw2mqtt_vehicle_"
_PLATFORMS: Final = {"sensor", "binary_sensor", "number", "switch"}
_LABELS: Final = ("account", "vin")
_UNITS: Final[dict[str | None, tuple[str, float]]] = {
    None: ("", 1),
    "%": ("ratio", 0.01),
    "A": ("amperes", 1),
    "V": ("volts", 1),
    "kW": ("watts", 1000),
    "kWh": ("joules", 3.6e6),
    "kWh/100km": ("joules_per_meter", 36),
    "m": ("meters", 1),
    "km": ("meters", 1000),
    "km/h": ("meters_per_second", 1 / 3.6),
    "L": ("liters", 1),
    "bar": ("pascals", 1e5),
    "°C": ("celsius", 1),
    "s": ("seconds", 1),
    "min": ("seconds", 60),
    "weeks": ("seconds", 604_800),
    "months": ("months", 1),  # not always of the same length
}
"""What each unit of ours is in Prometheus, and the factor to it."""
_REPLACED_ENDINGS: Final = ("_percent", "_time", "_date")
"""Endings of keys that the unit replaces: it would be said twice."""


@dataclass(frozen=True, slots=True)
class GaugeName:
    """The name of a gauge, what a value is multiplied with, and the words it can have."""

    name: str
    factor: float = 1
    words: tuple[str, ...] = ()


def vehicle_metrics(devices: DeviceRegistry) -> Iterator[Metric]:
    """Yield a gauge for each value that any car has. One that is unknown has no sample."""
    info = GaugeMetricFamily(
        f"{PREFIX}info", "Name and model of a car.", labels=(*_LABELS, "name", "model")
    )
    gauges: dict[str, GaugeMetricFamily] = {}
    for car in devices.vehicles():
        labels = (car.account, car.vehicle.vin)
        info.add_metric((*labels, car.name, car.vehicle.model), 1)
        for entity in shown_entities(car):
            if entity.platform in _PLATFORMS:
                _add(gauges, entity, car, labels)
    yield info
    yield from gauges.values()


def gauge_name(entity: Entity[Vehicle]) -> GaugeName | None:
    """Return the gauge of an entity; `None`: its values are neither numbers nor known words."""
    root = entity.key if entity.platform == "sensor" else f"{entity.platform}_{entity.key}"
    if getattr(entity, "device_class", None) in {"timestamp", "date"}:
        return GaugeName(_joined(root, "timestamp_seconds"))
    options = getattr(entity, "options", None)
    if isinstance(options, tuple):
        return GaugeName(f"{PREFIX}{root}", words=tuple(str(option) for option in options))
    known = _UNITS.get(getattr(entity, "unit", None))
    return None if known is None else GaugeName(_joined(root, known[0]), known[1])


def _joined(root: str, unit: str) -> str:
    if unit:
        for ending in _REPLACED_ENDINGS:
            root = root.removesuffix(ending)
    return f"{PREFIX}{root}_{unit}" if unit else f"{PREFIX}{root}"


def _add(
    gauges: dict[str, GaugeMetricFamily],
    entity: Entity[Vehicle],
    car: RegisteredVehicle,
    labels: tuple[str, ...],
) -> None:
    """Add the value of an entity to its gauge, if it has one."""
    gauge, value = gauge_name(entity), entity.value(car.vehicle)
    if gauge is None or value is None:
        return
    if gauge.words:
        samples: list[tuple[tuple[str, ...], float]] = [
            ((*labels, word), word == value) for word in gauge.words
        ]
    else:
        number = _number(value)
        if number is None:
            return
        samples = [(labels, number * gauge.factor)]
    family = gauges.get(gauge.name)
    if family is None:
        names = (*_LABELS, "state") if gauge.words else _LABELS
        text = f"{entity.name}: 1 for the current state." if gauge.words else f"{entity.name}."
        family = GaugeMetricFamily(gauge.name, text, labels=names)
        gauges[gauge.name] = family
    for values, sample in samples:
        family.add_metric(values, sample)


def _number(value: Value) -> float | None:
    if isinstance(value, bool | int | float):
        return float(value)
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC).timestamp()
    return None
