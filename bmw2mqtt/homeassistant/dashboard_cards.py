"""The cards of the dashboard: each maker returns those for which the device has the entities."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from bmw2mqtt.homeassistant.announced import AnnouncedDevice
from bmw2mqtt.homeassistant.dashboard_texts import DashboardTexts

Card = dict[str, Any]
BATTERY: Final = "sensor_remaining_battery_percent"
FUEL: Final = "sensor_remaining_fuel_percent"
LOGIN_REQUIRED: Final = "binary_sensor_login_required"
_FEATURES: Final = {
    "lock": "lock-commands",
    "number": "numeric-input",
    "select": "select-options",
}
"""The feature of a tile that operates an entity, by platform. A tile's icon toggles a switch."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A device with the texts of the chosen language."""

    device: AnnouncedDevice
    texts: DashboardTexts

    def has(self, component: str) -> bool:
        """Whether the device has an entity."""
        return component in self.device.entities

    def entity(self, component: str) -> Card:
        """Return the entity and its name, as every card takes them."""
        name = self.texts.names.get(component) or self.device.names[component]
        named = {"name": name} if name else {}
        return {"entity": self.device.entities[component], **named}


CardMaker = Callable[[Shown], Iterator[Card]]


def tiles(*components: str) -> CardMaker:
    """Return a tile for each entity that the device has."""

    def make(shown: Shown) -> Iterator[Card]:
        for component in filter(shown.has, components):
            card: Card = {"type": "tile", **shown.entity(component)}
            platform = card["entity"].partition(".")[0]
            if platform in _FEATURES:
                card["features"] = [{"type": _FEATURES[platform]}]
            if platform == "button":  # its state is when it was pressed last
                card["hide_state"] = True
            yield card

    return make


def first_of(component: str, *others: str) -> CardMaker:
    """Return a tile for an entity, or for the others if the device does not have it."""

    def make(shown: Shown) -> Iterator[Card]:
        yield from tiles(*([component] if shown.has(component) else others))(shown)

    return make


def gauge(component: str) -> CardMaker:
    """Return a gauge of a percentage: yellow below 30, red below 15."""

    def make(shown: Shown) -> Iterator[Card]:
        if shown.has(component):
            severity = {"green": 30, "yellow": 15, "red": 0}
            yield {
                "type": "gauge",
                **shown.entity(component),
                "min": 0,
                "max": 100,
                "needle": True,
                "severity": severity,
            }

    return make


def history(hours: int, *components: str) -> CardMaker:
    """Return a graph of the last hours of those entities that the device has."""
    return partial(_graph, components, {"type": "history-graph", "hours_to_show": hours})


def sums_per_day(title: str, *components: str) -> CardMaker:
    """Return bars of how much counters rise a day, over the last 30 days."""

    def make(shown: Shown) -> Iterator[Card]:
        card = {
            "type": "statistics-graph",
            "title": shown.texts.titles[title],
            "chart_type": "bar",
            "period": "day",
            "days_to_show": 30,
            "stat_types": ["change"],
        }
        yield from _graph(components, card, shown)

    return make


def _graph(components: Iterable[str], card: Card, shown: Shown) -> Iterator[Card]:
    if entities := [shown.entity(component) for component in filter(shown.has, components)]:
        yield card | {"entities": entities}


def picture(shown: Shown) -> Iterator[Card]:
    """Return the car's picture."""
    if shown.has("image_vehicle"):
        entity = shown.device.entities["image_vehicle"]
        options = {"show_state": False, "show_name": False, "fit_mode": "contain"}
        yield {"type": "picture-entity", "entity": entity, **options}


def map_of_today(shown: Shown) -> Iterator[Card]:
    """Return a map with the way of the last day."""
    if shown.has("device_tracker_location"):
        entity = shown.device.entities["device_tracker_location"]
        yield {"type": "map", "entities": [{"entity": entity}], "hours_to_show": 24}


def warning(component: str) -> CardMaker:
    """Return a red tile that is there only while a problem is."""

    def make(shown: Shown) -> Iterator[Card]:
        if shown.has(component):
            entity = shown.entity(component)
            yield _only_while_on(entity["entity"], {"type": "tile", **entity, "color": "red"})

    return make


def login(shown: Shown) -> Iterator[Card]:
    """Return what to do, with BMW's link and code, while an account has to be logged in."""
    if shown.has(LOGIN_REQUIRED) and shown.has("sensor_status"):
        status = shown.device.entities["sensor_status"]
        card = {"type": "markdown", "content": shown.texts.login.replace("STATUS", status)}
        yield _only_while_on(shown.device.entities[LOGIN_REQUIRED], card)


def _only_while_on(entity: str, card: Card) -> Card:
    conditions = [{"condition": "state", "entity": entity, "state": "on"}]
    return {"type": "conditional", "conditions": conditions, "card": card}
