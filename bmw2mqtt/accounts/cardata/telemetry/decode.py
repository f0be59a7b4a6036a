"""Decode BMW's values: numbers in the catalogue's unit, yes or no, words in snake case.

REST sends every value as text, the stream as JSON; both spell words and units in several ways.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from bmw2mqtt.accounts.cardata.telemetry.descriptors import MESSAGES, SERVICES
from bmw2mqtt.accounts.cardata.telemetry.times import read_time
from bmw2mqtt.entities.catalogue import Descriptor, Kind
from bmw2mqtt.vehicle.snapshot import Reading

Value = str | float | bool | None
LogUnknown = Callable[[str, str], None]
"""Called with a descriptor and a word or unit of BMW's that is not known."""

MAX_NUMBER = 1e12
"""Nothing about a car is larger, and arithmetic with larger numbers could fail."""
MAX_NUMBER_LENGTH = 40
MAX_WORD_LENGTH = 255
MAX_TEXT_LENGTH = 65_536
"""Lists of services and fault memories are long, but not longer."""

NULLS = frozenset(
    {
        "",
        "-",
        "-na-",
        "asn_isunknown",
        "invalid",
        "not_available",
        "null",
        "signal_invalid",
        "unknown",
    }
)
"""Words with which a car reports that it does not know."""


class UndecodableValueError(ValueError):
    """A value that is not of its descriptor's kind."""


def decode(
    row: Descriptor,
    value: object,
    unit: object,
    log_unknown: LogUnknown,
    measured_at: datetime | None = None,
) -> Reading:
    """Return a value as a reading.

    The unit of a distance that came without one is `None`: which one it is depends on the car.

    Args:
        row: the descriptor's row of the catalogue.
        value: as BMW sent it.
        unit: as BMW sent it; anything but text counts as none.
        log_unknown: called for units that are not known.
        measured_at: the reading's time.

    Raises:
        UndecodableValueError: the value cannot be of this kind.
    """
    if value is None or (isinstance(value, str) and _is_null(row, value)):
        return Reading(value=None, measured_at=measured_at)
    if row.kind is Kind.NUMBER:
        number, shown_unit = _decode_number(row, value, unit, log_unknown)
        return Reading(value=number, unit=shown_unit, measured_at=measured_at)
    return Reading(value=_DECODERS[row.kind](row, value), measured_at=measured_at)


def _is_null(row: Descriptor, text: str) -> bool:
    if len(text) > MAX_NUMBER_LENGTH:
        return False
    word = text.strip().lower()
    if word not in NULLS:
        return False
    return text not in row.options  # NOT_AVAILABLE is a regular word of some descriptors


# Numbers


def _decode_number(
    row: Descriptor, value: object, unit: object, log_unknown: LogUnknown
) -> tuple[float, str | None]:
    """Return a number and its unit."""
    number = _to_float(value)
    given = _given_unit(row, unit, log_unknown)
    if given is None:
        shown_unit = None if is_unit_open(row) else row.unit
    else:
        number, shown_unit = convert(number, given, row.unit or given), row.unit
    if (row.minimum is not None and number < row.minimum) or (
        row.maximum is not None and number > row.maximum
    ):
        raise UndecodableValueError
    return number, shown_unit


def is_unit_open(row: Descriptor) -> bool:
    """Return whether a number without a unit may be in another one than the catalogue's."""
    return row.follows_display or row.unit == "km"


def _given_unit(row: Descriptor, unit: object, log_unknown: LogUnknown) -> str | None:
    """Return the unit that came with a number; one that is not known counts as the catalogue's."""
    if not row.unit or not isinstance(unit, str) or len(unit) > MAX_NUMBER_LENGTH:
        return None
    spelled = unit.strip().lower()
    if spelled in NULLS:
        return None
    if spelled not in _UNITS:
        log_unknown(row.descriptor, spelled)
        return row.unit
    return _UNITS[spelled]


def _to_float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UndecodableValueError
    if isinstance(value, str) and (len(value) > MAX_NUMBER_LENGTH or not _DECIMAL.fullmatch(value)):
        raise UndecodableValueError
    try:
        number = float(value)
    except (ValueError, OverflowError) as error:
        raise UndecodableValueError from error
    if not -MAX_NUMBER <= number <= MAX_NUMBER:  # nan is neither
        raise UndecodableValueError
    return number


_DECIMAL = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*", re.ASCII | re.IGNORECASE)
"""A decimal number; Python's float() accepts more: 1_0, infinity, digits of other scripts."""
KM_PER_MILE = 1.609344
_SPELLINGS: dict[str, str] = {
    "km": "km kilometer kilometers kilometre kilometres",
    "mi": "mi mile miles",
    "m": "m meter meters metre metres",
    "ft": "ft foot feet",
    "L": "l liter liters litre litres",
    "gal": "gal gallon gallons",
    "%": "% percent percentage",
    "°C": "°c c celsius degc",
    "°F": "°f f fahrenheit degf",
    "kPa": "kpa",
    "hPa": "hpa mbar",
    "bar": "bar",
    "psi": "psi",
    "V": "v volt volts",
    "A": "a ampere amperes",
    "W": "w watt watts",
    "kW": "kw",
    "Wh": "wh",
    "kWh": "kwh",
    "s": "s sec second seconds",
    "min": "min minute minutes",
    "h": "h hour hours",
    "weeks": "week weeks",
    "months": "month months",
    "°": "° deg degree degrees",
    "km/h": "km/h kmh kph",
    "mph": "mph mi/h",
    "kWh/100km": "kwh/100km kwh/62mi",
    "mi/kWh": "mi/kwh",
    "km/kWh": "km/kwh",
}
_UNITS = {word: unit for unit, words in _SPELLINGS.items() for word in words.split()}
_UNITS["kwh/100 km"] = "kWh/100km"

_FACTORS: dict[tuple[str, str], float] = {
    ("mi", "km"): KM_PER_MILE,
    ("m", "km"): 0.001,
    ("ft", "m"): 0.3048,
    ("gal", "L"): 4.54609,  # imperial: CarData is offered in Europe
    ("hPa", "kPa"): 0.1,
    ("bar", "kPa"): 100,
    ("psi", "kPa"): 6.894757,
    ("kW", "W"): 1000,
    ("W", "kW"): 0.001,
    ("Wh", "kWh"): 0.001,
    ("s", "min"): 1 / 60,
    ("h", "min"): 60,
    ("min", "s"): 60,
    ("mph", "km/h"): KM_PER_MILE,
}
_KWH_PER_100_KM = {"mi/kWh": 100 / KM_PER_MILE, "km/kWh": 100}
"""At one mile or kilometre per kWh."""


def convert(number: float, source: str, target: str) -> float:
    """Convert a number from one unit to another.

    Raises:
        UndecodableValueError: the units do not measure the same thing.
    """
    if source == target:
        return number
    factor = _FACTORS.get((source, target))
    if factor is not None:
        return round(number * factor, 3)
    if (source, target) == ("°F", "°C"):
        return round((number - 32) / 1.8, 1)
    if target == "kWh/100km" and source in _KWH_PER_100_KM and number > 0:
        return round(_KWH_PER_100_KM[source] / number, 3)
    raise UndecodableValueError


# Words

_YES = {
    "true", "1", "yes", "on", "asn_istrue", "open", "open_tilt", "intermediate",
    "intermediate_tilt", "connected", "chosen", "active", "hospitality_active", "ac_limit_active",
    "direct_chg_once_active",
}  # fmt: skip
_NO = {
    "false", "0", "no", "off", "asn_isfalse", "closed", "disconnected", "notchosen", "inactive",
    "not_active", "hospitality_inactive", "ac_limit_inactive", "direct_chg_once_not_active",
}  # fmt: skip
_FLAP = "vehicle.body.flap."
_FLAGS: dict[str, dict[str, bool | None]] = {
    "": {**dict.fromkeys(_YES, True), **dict.fromkeys(_NO, False), "error": None},
    f"{_FLAP}isLocked": {"flap_locked": True, "flap_unlocked": False},
    f"{_FLAP}isPermanentlyUnlocked": {
        "flap_locked": False,
        "flap_unlocked": True,
        "no_action": None,
    },
}
"""Words for yes and no, by descriptor; those below the empty name are for all."""
_FIRST_WORD = re.compile(r"[A-Za-z0-9_]+")


def _decode_flag(row: Descriptor, value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, float | int) and value in {0, 1}:
        return bool(value)
    if isinstance(value, str) and (found := _FIRST_WORD.search(value[:MAX_WORD_LENGTH])):
        word = found[0].lower()  # a second word only adds details: CHOSEN REDUCEDCHARGING
        for words in (_FLAGS.get(row.descriptor), _FLAGS[""]):
            if words is not None and word in words:
                return words[word]
    raise UndecodableValueError


def _decode_word(_: Descriptor, value: object) -> str:
    if not isinstance(value, str | int | float):
        raise UndecodableValueError
    return _snake_case(_decode_text(_, value)[:MAX_WORD_LENGTH])


@lru_cache(maxsize=2048)
def _snake_case(text: str) -> str:
    """`SELECTIVE-LOCKED` becomes `selective_locked`, `doorsOnly` `doors_only`."""
    if not text.isupper():
        text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    word = re.sub(r"\W+", "_", text).strip("_").lower()
    if not word:
        raise UndecodableValueError
    return word


def _decode_text(_: Descriptor, value: object) -> str:
    if isinstance(value, str):
        if len(value) > MAX_TEXT_LENGTH:
            raise UndecodableValueError
        return value
    if isinstance(value, dict | list):
        raise UndecodableValueError
    return _to_json(value)


def _to_json(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        raise UndecodableValueError
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UndecodableValueError from error
    if len(text) > MAX_TEXT_LENGTH:
        raise UndecodableValueError
    return text


# Documents

Item = Mapping[str, Any]
MAX_ITEMS = 100
_LISTS = frozenset({MESSAGES, SERVICES})


def _decode_document(row: Descriptor, value: object) -> str:
    is_list = row.descriptor in _LISTS
    if isinstance(value, dict) and not is_list:
        raise UndecodableValueError
    text = _to_json(value) if isinstance(value, dict | list) else _decode_text(row, value)
    if is_list and read_items(text) is None:
        raise UndecodableValueError
    return text


@lru_cache(maxsize=64)
def read_items(text: str) -> tuple[Item, ...] | None:
    """Return the objects of a list of services or warnings; `None` if the text is no such list.

    A single object with an id counts as a list of one.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, dict) and "id" in found:
        found = [found]
    if not isinstance(found, list):
        return None
    items = tuple(item for item in found if isinstance(item, dict))[:MAX_ITEMS]
    return None if found and not items else items


def _decode_time(_: Descriptor, value: object) -> str:
    found = read_time(value)
    if found is None:
        raise UndecodableValueError
    return found.isoformat()


_DECODERS: dict[Kind, Callable[[Descriptor, object], Value]] = {
    Kind.BOOLEAN: _decode_flag,
    Kind.WORD: _decode_word,
    Kind.TEXT: _decode_text,
    Kind.JSON: _decode_document,
    Kind.TIME: _decode_time,
}
