"""Parsers of command payloads. A payload that is not valid is a `ValueError` with a sentence."""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_plus

from bmw2mqtt.vehicle.commands import Command, SendPoi
from bmw2mqtt.vehicle.snapshot import Vehicle

_DECIMAL = re.compile(r"\s*[+-]?\d{1,9}(\.\d{0,20})?\s*", re.ASCII)
"""Decimal numbers; Python's float() also accepts 1_0, infinity and digits of other scripts."""
_WORD = re.compile(r"[A-Za-z_]{1,20}")
POI_FIELDS = ("name", "street", "city", "postal_code", "country")


def words(commands: Mapping[str, Command]) -> Callable[[Vehicle, str], Command]:
    """Return a parser that accepts exactly these words."""

    def parse(_: Vehicle, payload: str) -> Command:
        try:
            return commands[payload]
        except KeyError:
            raise ValueError(f"expected {' or '.join(commands)}") from None

    return parse


def press(command: Command) -> Callable[[Vehicle, str], Command]:
    """Return a parser of buttons, which send `PRESS` or an empty payload."""
    return words({"PRESS": command, "": command})


def whole_number(payload: str, *, minimum: int, maximum: int, step: int) -> int:
    """Parse a whole number within bounds and on a step."""
    number = float(payload) if _DECIMAL.fullmatch(payload) else math.nan
    if not minimum <= number <= maximum or number % step:
        raise ValueError(f"expected a number from {minimum} to {maximum} in steps of {step}")
    return int(number)


def poi(_: Vehicle, payload: str) -> SendPoi:
    """Parse a destination: JSON, a `geo:` URI, or `latitude,longitude[,name]`."""
    text = payload.strip()
    if text.startswith("{"):
        return _poi_from_json(text)
    if text.lower().startswith("geo:"):
        return _poi_from_geo_uri(text)
    latitude, longitude, name = (*text.split(",", 2), None, None)[:3]
    return _poi(latitude, longitude, name=(name or "").strip() or None)


def _poi_from_json(text: str) -> SendPoi:
    try:
        fields: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("not valid JSON") from error
    unknown = fields.keys() - {"latitude", "longitude", *POI_FIELDS}
    if unknown:
        name = min(unknown)  # not repeated if it may hold private data: the message is logged
        raise ValueError(f"unknown field {name!r}" if _WORD.fullmatch(name) else "unknown field")
    texts: dict[str, str | None] = {}
    for field in POI_FIELDS:
        value = fields.get(field)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{field} must be text")
        texts[field] = value or None
    return _poi(fields.get("latitude"), fields.get("longitude"), **texts)


def _poi_from_geo_uri(text: str) -> SendPoi:
    """Parse RFC 5870 `geo:48.1,11.5`, and Android's `geo:0,0?q=48.1,11.5(Name)`."""
    place, _, query = text[4:].partition("?")
    coordinates, name, is_search = place.partition(";")[0], "", False
    for parameter in query.split("&"):
        key, _, value = parameter.partition("=")
        if key == "q":
            target, _, label = unquote_plus(value).partition("(")
            is_search = "," not in target
            coordinates = coordinates if is_search else target
            name = label.removesuffix(")")
    latitude, longitude = (*coordinates.split(","), None, None)[:2]
    destination = _poi(latitude, longitude, name=name or None)
    if is_search and destination.latitude == destination.longitude == 0:
        raise ValueError("this geo: URI is a search, it has no coordinates")
    return destination


def _poi(latitude: object, longitude: object, **texts: str | None) -> SendPoi:
    return SendPoi(
        latitude=_coordinate("latitude", latitude, 90),
        longitude=_coordinate("longitude", longitude, 180),
        **texts,
    )


def _coordinate(name: str, value: object, limit: float) -> float:
    number: float = math.nan
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        number = float(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = value
    if not -limit <= number <= limit:
        raise ValueError(f"{name} must be a number from -{limit} to {limit}")
    return float(number)
