"""What a value of BMW's means: numbers in the catalogue's unit, yes or no, words in snake case.

REST sends every value as text, the stream as JSON; both spell words and units in several ways.
"""

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

from bmw2mqtt.entities.catalogue import Descriptor, Kind
from bmw2mqtt.vehicle.snapshot import Reading

Meaning = str | float | bool | None
Report = Callable[[str, str], None]
"""Told the descriptor and the word when BMW uses one that is not known."""

LARGEST = 1e12
"""Nothing about a car is larger; arithmetic with what is could fail."""
LONGEST_NUMBER = 40
LONGEST_WORD = 255
LONGEST_TEXT = 65_536
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
"""Words that mean: no reading."""


class MeaninglessError(ValueError):
    """A value that is none of its kind."""


def interpret(row: Descriptor, value: object, unit: object, report: Report) -> Reading:
    """Return what a value means, without its time.

    Args:
        row: what the catalogue says of it.
        value: as BMW sent it.
        unit: as BMW sent it; anything but text is none.
        report: told about units that are not known.

    Raises:
        MeaninglessError: it cannot be of this kind.
    """
    if value is None or (isinstance(value, str) and _is_null(row, value)):
        return Reading(value=None)
    if row.kind is Kind.NUMBER:
        return _number(row, value, unit, report)
    return Reading(value=_READERS[row.kind](row, value))


def _is_null(row: Descriptor, text: str) -> bool:
    if len(text) > LONGEST_NUMBER:
        return False
    word = text.strip().lower()
    if word not in NULLS:
        return False
    return text not in row.options  # a car may be NOT_AVAILABLE for something, and mean it


# Numbers


def _number(row: Descriptor, value: object, unit: object, report: Report) -> Reading:
    number = _to_float(value)
    spelled = unit.strip().lower() if isinstance(unit, str) and len(unit) <= LONGEST_NUMBER else ""
    if row.unit and spelled and spelled not in NULLS:
        found = _UNITS.get(spelled)
        if found is None:
            report(row.descriptor, spelled)
        elif found != row.unit:
            number = _convert(number, found, row.unit)
        shown_unit: str | None = row.unit
    else:
        shown_unit = None if row.follows_display else row.unit
    is_nonsense = (row.minimum is not None and number < row.minimum) or (
        row.maximum is not None and number > row.maximum
    )
    if is_nonsense:
        raise MeaninglessError
    return Reading(value=number, unit=shown_unit)


def _to_float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise MeaninglessError
    if isinstance(value, str) and (len(value) > LONGEST_NUMBER or not _DECIMAL.fullmatch(value)):
        raise MeaninglessError
    try:
        number = float(value)
    except (ValueError, OverflowError) as error:
        raise MeaninglessError from error
    if not -LARGEST <= number <= LARGEST:  # nan is neither
        raise MeaninglessError
    return number


_DECIMAL = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*", re.ASCII | re.IGNORECASE)
"""What numbers look like; Python's float() takes more: 1_0, infinity, digits of other scripts."""
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
_PER_100_KM = {"mi/kWh": 100 / KM_PER_MILE, "km/kWh": 100}


def _convert(number: float, source: str, target: str) -> float:
    factor = _FACTORS.get((source, target))
    if factor is not None:
        return round(number * factor, 3)
    if (source, target) == ("°F", "°C"):
        return round((number - 32) / 1.8, 1)
    if target == "kWh/100km" and source in _PER_100_KM:
        return consumption(number, _PER_100_KM[source])
    raise MeaninglessError


def consumption(distance_per_kwh: float, kwh_per_100km: float = _PER_100_KM["mi/kWh"]) -> float:
    """Turn miles per kWh into kWh per 100 km."""
    if distance_per_kwh <= 0:
        raise MeaninglessError
    return round(kwh_per_100km / distance_per_kwh, 3)


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
"""Words for yes and no: for all descriptors, and for some."""
_FIRST_WORD = re.compile(r"[A-Za-z0-9_]+")


def _flag(row: Descriptor, value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, float | int) and value in {0, 1}:
        return bool(value)
    if isinstance(value, str) and (found := _FIRST_WORD.search(value[:LONGEST_WORD])):
        word = found[0].lower()  # a second one says more: CHOSEN REDUCEDCHARGING
        for words in (_FLAGS.get(row.descriptor), _FLAGS[""]):
            if words is not None and word in words:
                return words[word]
    raise MeaninglessError


def _word(_: Descriptor, value: object) -> str:
    if not isinstance(value, str | int | float):
        raise MeaninglessError
    return _snake_case(_text(_, value)[:LONGEST_WORD])


@lru_cache(maxsize=2048)
def _snake_case(text: str) -> str:
    """`SELECTIVE-LOCKED` becomes `selective_locked`, `doorsOnly` `doors_only`."""
    if not text.isupper():
        text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    word = re.sub(r"\W+", "_", text).strip("_").lower()
    if not word:
        raise MeaninglessError
    return word


def _text(_: Descriptor, value: object) -> str:
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise MeaninglessError
        return value
    if isinstance(value, float) and not math.isfinite(value):
        raise MeaninglessError
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise MeaninglessError from error
    if len(text) > LONGEST_TEXT:
        raise MeaninglessError
    return text


# Times

_CLOCK = r"(?:,?[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?(?: ?([AP])M)?(?: ?(?:UTC|GMT|Z))?"
_EUROPEAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})" + _CLOCK, re.ASCII | re.IGNORECASE)
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})" + _CLOCK, re.ASCII | re.IGNORECASE)
_EARLIEST_YEAR, _LATEST_YEAR = 1990, 2200
NOON = 12


def _time(_: Descriptor, value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_NUMBER:
        raise MeaninglessError
    found = read_time(value)
    if found is None:
        raise MeaninglessError
    return found.isoformat()


@lru_cache(maxsize=2048)
def read_time(text: str) -> datetime | None:
    """Read a time, UTC unless it says otherwise: ISO 8601, `dd.mm.yyyy hh:mm:ss UTC` or US."""
    text = text.strip()
    try:
        is_iso = text[4:5] == "-"
        found = datetime.fromisoformat(text) if is_iso else _written_time(text)
        if found is None:
            return None
        found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return found if _EARLIEST_YEAR <= found.year <= _LATEST_YEAR else None


def _written_time(text: str) -> datetime | None:
    if match := _EUROPEAN.fullmatch(text):
        day, month = match[1], match[2]
    elif match := _AMERICAN.fullmatch(text):
        month, day = match[1], match[2]
    else:
        return None
    hour = int(match[4] or 0)
    if match[7]:
        hour = hour % NOON + (NOON if match[7].upper() == "P" else 0)
    return datetime(
        int(match[3]),
        int(month),
        int(day),
        hour,
        int(match[5] or 0),
        int(match[6] or 0),
        tzinfo=UTC,
    )


_READERS: dict[Kind, Callable[[Descriptor, object], Meaning]] = {
    Kind.BOOLEAN: _flag,
    Kind.WORD: _word,
    Kind.TEXT: _text,
    Kind.JSON: _text,
    Kind.TIME: _time,
}
