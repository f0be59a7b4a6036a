"""Reads the topics of others on which the history relies: wallbox counters, the price of energy."""

import json
import math
import re
from dataclasses import dataclass
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
_LONGEST_JSON_BYTES: Final = 65_536
_KWH: Final = {"": 1.0, "kwh": 1.0, "wh": 0.001, "mwh": 1000.0}
_WH: Final = _KWH | {"": 0.001}
_UNKNOWN: Final = {"", "unknown", "unavailable", "none", "null", "nan", "undef"}
"""What programs publish while they do not know a value; an empty payload deletes one."""
_HIGHEST_KWH: Final = 1e8
_HIGHEST_PRICE: Final = 100.0


@dataclass(frozen=True, slots=True)
class NumberSource:
    """Where a number is: a topic, and its place in a JSON payload; `None`: the payload is it."""

    topic: str
    place: str | None

    def __str__(self) -> str:
        return self.topic if self.place is None else f"{self.topic} ({self.place})"


class MeasuredTopics:
    """Subscribes to nothing itself: `filters` are the topics, `receive` gets their messages."""

    def __init__(self, settings: Settings, history: History) -> None:
        self._history = history
        self._meters = dict.fromkeys(_meters(settings).values(), _KWH) | {
            source: _WH
            for vin, source in _meters(settings).items()
            if settings.vehicles[vin].meter_unit == "Wh"
        }
        topic = settings.history.price_topic
        self._price = None if topic is None else NumberSource(topic, settings.history.price_value)
        self._read: set[NumberSource] = set()
        self._not_read = LogOnce()

    @property
    def filters(self) -> tuple[str, ...]:
        """The topics, without duplicates; none has a wildcard."""
        sources = (*self._meters, self._price)
        return tuple(dict.fromkeys(source.topic for source in sources if source is not None))

    def receive(self, topic: str, payload: bytes) -> None:
        """Pass on the numbers in a message of one of these topics; others are ignored."""
        if self._price is not None and topic == self._price.topic:
            price = self._number(self._price, payload, units=None)
            if price is not None and abs(price) <= _HIGHEST_PRICE:
                self._history.price_read(price)
        for meter, units in self._meters.items():
            if topic == meter.topic:
                kwh = self._number(meter, payload, units)
                if kwh is not None and 0 <= kwh <= _HIGHEST_KWH:
                    self._history.meter_read(str(meter), kwh)

    def _number(
        self, source: NumberSource, payload: bytes, units: dict[str, float] | None
    ) -> float | None:
        """Return the number of a payload; log once per source if there is another text instead."""
        text = _text(payload) if source.place is None else value_at(payload, source.place)
        number = None if text is None else number_of(text, units)
        if number is not None:
            self._read.add(source)
            if self._not_read.is_over(source):
                log.info("measured_topic_read", topic=str(source))
        elif (_text(payload) if text is None else text).lower() in _UNKNOWN:
            return None
        elif text is None and source in self._read:
            return None  # some devices leave out what has not changed
        elif self._not_read.is_new(source):
            _log_not_read(source, "price_value" if units is None else "meter_value", text)
        return number


def meter_names(settings: Settings) -> dict[str, str]:
    """Return the name of the wallbox counter of each car that has one, by VIN."""
    return {vin: str(source) for vin, source in _meters(settings).items()}


def _meters(settings: Settings) -> dict[str, NumberSource]:
    return {
        vin: NumberSource(vehicle.meter_topic, vehicle.meter_value)
        for vin, vehicle in settings.vehicles.items()
        if vehicle.meter_topic is not None
    }


def _log_not_read(source: NumberSource, setting: str, text: str | None) -> None:
    if source.place is None:
        reason = "its payload is not a plain number"
        remedy = f"if it is JSON, set {setting} to the place of the number, such as ENERGY.Total"
    elif text is None:
        reason = f"its payload is not JSON with {source.place} in it"
        remedy = f"correct {setting}"
    else:
        reason, remedy = f"its {source.place} is not a number", f"correct {setting}"
    log.warning("measured_topic_not_read", topic=source.topic, reason=reason, remedy=remedy)


def _text(payload: bytes) -> str:
    return payload[: _LONGEST_BYTES + 1].decode(errors="replace").strip()


def value_at(payload: bytes, place: str) -> str | None:
    """Return the value at a place in a JSON payload as text; `None`: it is not there.

    The place names the way to the value, such as `ENERGY.Total`; in a list, its index.
    """
    if len(payload) > _LONGEST_JSON_BYTES:
        return None
    try:
        value = json.loads(payload)
        for name in place.split("."):
            value = value[int(name) if isinstance(value, list) else name]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return str(value).strip()


def number_of(text: str, units: dict[str, float] | None) -> float | None:
    """Return the number in a text, with its unit if it has one; `None`: there is none.

    `units` are the factors of each unit; with `None` any unit is ignored.
    """
    match = _NUMBER.fullmatch(text) if len(text) <= _LONGEST_BYTES else None
    if match is None:
        return None
    factor = 1.0 if units is None else units.get(match["unit"].lower())
    number = float(match["number"])
    return number * factor if factor is not None and math.isfinite(number) else None
