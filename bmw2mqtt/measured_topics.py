"""Reads the topics of others on which the history relies: wallbox counters, the price of energy."""

import math
import re
from typing import Final

import structlog

from bmw2mqtt.config import Settings
from bmw2mqtt.history.service import History
from bmw2mqtt.log_once import LogOnce

log = structlog.get_logger(__name__)

_NUMBER: Final = re.compile(
    r"\s*(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?)\s*(?P<unit>[a-z/€]*)\s*",
    re.IGNORECASE,
)
_LONGEST_BYTES: Final = 40
_KWH: Final = {"": 1.0, "kwh": 1.0, "wh": 0.001, "mwh": 1000.0}
_WH: Final = _KWH | {"": 0.001}
_UNKNOWN: Final = {"", "unknown", "unavailable", "none", "null", "nan", "undef"}
"""What programs publish while they do not know a value; an empty payload deletes one."""
_HIGHEST_KWH: Final = 1e8
_HIGHEST_PRICE: Final = 100.0


class MeasuredTopics:
    """Subscribes to nothing itself: `filters` are the topics, `receive` gets their messages."""

    def __init__(self, settings: Settings, history: History) -> None:
        self._history = history
        self._meters = meter_topics(settings)
        self._is_wh = {
            vehicle.meter_topic
            for vehicle in settings.vehicles.values()
            if vehicle.meter_unit == "Wh"
        }
        self._price_topic = settings.history.price_topic
        self._not_numbers = LogOnce()

    @property
    def filters(self) -> tuple[str, ...]:
        """The topics, without duplicates; none has a wildcard."""
        topics = [*self._meters.values(), self._price_topic]
        return tuple(dict.fromkeys(topic for topic in topics if topic is not None))

    def receive(self, topic: str, payload: bytes) -> None:
        """Pass on the number in a message of one of these topics; others are ignored."""
        if topic == self._price_topic:
            price = self._number(topic, payload, units=None)
            if price is not None and abs(price) <= _HIGHEST_PRICE:
                self._history.price_read(price)
        if topic in self._meters.values():
            kwh = self._number(topic, payload, units=_WH if topic in self._is_wh else _KWH)
            if kwh is not None and 0 <= kwh <= _HIGHEST_KWH:
                self._history.meter_read(topic, kwh)

    def _number(self, topic: str, payload: bytes, units: dict[str, float] | None) -> float | None:
        """Return the number of a payload; log once per topic if there is another text instead."""
        text = payload[: _LONGEST_BYTES + 1].decode(errors="replace").strip()
        number = number_of(text, units)
        if number is not None:
            if self._not_numbers.is_over(topic):
                log.info("measured_topic_read", topic=topic)
        elif text.lower() not in _UNKNOWN and self._not_numbers.is_new(topic):
            log.warning(
                "measured_topic_not_read",
                topic=topic,
                reason="its payload is not a plain number",
                remedy="publish the number alone, for example 1234.5",
            )
        return number


def meter_topics(settings: Settings) -> dict[str, str]:
    """Return the topic of the wallbox counter of each car that has one, by VIN."""
    return {
        vin: vehicle.meter_topic
        for vin, vehicle in settings.vehicles.items()
        if vehicle.meter_topic is not None
    }


def number_of(text: str, units: dict[str, float] | None) -> float | None:
    """Return the number in a text, with its unit if it has one; `None`: there is none.

    Args:
        text: such as `1234.5` or `1234.5 kWh`.
        units: the factor of each unit; `None`: any unit is ignored.
    """
    match = _NUMBER.fullmatch(text) if len(text) <= _LONGEST_BYTES else None
    if match is None:
        return None
    factor = 1.0 if units is None else units.get(match["unit"].lower())
    number = float(match["number"])
    return number * factor if factor is not None and math.isfinite(number) else None
