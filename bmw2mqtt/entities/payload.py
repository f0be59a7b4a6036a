"""Payloads of command topics: each function takes one, or says in a sentence why it cannot."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from bmw2mqtt.vehicle.commands import Command, SendPoi
from bmw2mqtt.vehicle.snapshot import Vehicle

POI_FIELDS = ("name", "street", "city", "postal_code", "country")


def words(commands: Mapping[str, Command]) -> Callable[[Vehicle, str], Command]:
    """Take exactly these words."""

    def parse(_: Vehicle, payload: str) -> Command:
        try:
            return commands[payload]
        except KeyError:
            raise ValueError(f"expected {' or '.join(commands)}") from None

    return parse


def press(command: Command) -> Callable[[Vehicle, str], Command]:
    """Take `PRESS` or nothing at all: what buttons send."""
    return words({"PRESS": command, "": command})


def whole_number(payload: str, *, minimum: int, maximum: int, step: int) -> int:
    """Take a whole number within bounds, on a step."""
    try:
        number = float(payload)
    except ValueError:
        number = math.nan
    if not (minimum <= number <= maximum) or number % step:
        raise ValueError(f"expected a number from {minimum} to {maximum} in steps of {step}")
    return int(number)


def poi(_: Vehicle, payload: str) -> SendPoi:
    """Take a destination as JSON, as a `geo:` URI or as `latitude,longitude[,name]`."""
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
        raise ValueError(f"not valid JSON ({error})") from error
    unknown = fields.keys() - {"latitude", "longitude", *POI_FIELDS}
    if unknown:
        raise ValueError(f"unknown field {min(unknown)!r}")
    texts: dict[str, str | None] = {}
    for field in POI_FIELDS:
        value = fields.get(field)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{field} must be text")
        texts[field] = value or None
    if isinstance(fields.get("latitude"), bool) or isinstance(fields.get("longitude"), bool):
        raise ValueError("latitude and longitude must be numbers")  # noqa: TRY004 - a bad payload
    return _poi(fields.get("latitude"), fields.get("longitude"), **texts)


def _poi_from_geo_uri(text: str) -> SendPoi:
    """Read RFC 5870: `geo:48.1,11.5`, further coordinates and parameters are not for cars."""
    place, _, query = text[4:].partition("?")
    coordinates = place.partition(";")[0].split(",")
    name = None
    for parameter in query.split("&"):
        key, _, value = parameter.partition("=")
        if key == "q" and "(" in value:
            name = unquote(value.split("(", 1)[1].rstrip(")")).replace("+", " ") or None
    latitude, longitude = (*coordinates, None, None)[:2]
    return _poi(latitude, longitude, name=name)


def _poi(latitude: object, longitude: object, **texts: str | None) -> SendPoi:
    return SendPoi(
        latitude=_coordinate("latitude", latitude, 90),
        longitude=_coordinate("longitude", longitude, 180),
        **texts,
    )


def _coordinate(name: str, value: object, limit: float) -> float:
    try:
        number = float(value)  # type: ignore[arg-type] # whatever it is, float() says
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not -limit <= number <= limit:
        raise ValueError(f"{name} must be a number from -{limit} to {limit}")
    return number
