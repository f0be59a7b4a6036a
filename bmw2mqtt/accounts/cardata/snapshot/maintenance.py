"""Services that are due and warnings of the car: JSON within a string."""

import json
import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from bmw2mqtt.accounts.cardata.telemetry.decode import KM_PER_MILE, NULLS, Report
from bmw2mqtt.accounts.cardata.telemetry.lookup import ReadingLookup
from bmw2mqtt.vehicle.snapshot import (
    CheckControlMessage,
    Service,
    ServiceStatus,
    Severity,
)

SERVICES = "vehicle.status.conditionBasedServices"
MESSAGES = "vehicle.status.checkControlMessages"
MAX_ITEMS = 100
LONGEST_TYPE = 60
LONGEST_DISTANCE_KM = 1_000_000

SERVICE_TYPES = {
    "1": "ENGINE_OIL",
    "2": "BRAKE_PADS_FRONT",
    "3": "BRAKE_FLUID",
    "32": "VEHICLE_TUV",
    "100": "VEHICLE_CHECK",
}
"""By BMW's number, as the app API calls them."""
MESSAGE_TYPES = {"143": "TIRE_PRESSURE", "164": "WASHING_FLUID", "907": "BRAKE_PADS"}
_STATUSES = {
    "OK": ServiceStatus.OK,
    "PENDING": ServiceStatus.PENDING,
    "DUE": ServiceStatus.PENDING,
    "OVERDUE": ServiceStatus.OVERDUE,
}
_DATE = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?", re.ASCII)
Item = Mapping[str, Any]


def services(readings: ReadingLookup, today: date, report: Report) -> tuple[Service, ...] | None:
    """Return the condition-based services; `None` if BMW has not told of them."""
    items = _items(readings.word(SERVICES))
    if items is None:
        return None
    return tuple(_service(item, today, report, is_in_miles=readings.is_in_miles) for item in items)


def messages(readings: ReadingLookup) -> tuple[CheckControlMessage, ...] | None:
    """Return the warnings; `None` if BMW has not told of them."""
    items = _items(readings.word(MESSAGES))
    if items is None:
        return None
    return tuple(
        CheckControlMessage(
            type=_type(item, MESSAGE_TYPES, "text") or "UNKNOWN",
            severity=Severity.UNKNOWN,  # CarData does not tell
            description=_text(item, "text"),
        )
        for item in items
    )


def _service(item: Item, today: date, report: Report, *, is_in_miles: bool) -> Service:
    due_date = _due_date(item)
    distance_km = _distance_km(item, is_in_miles=is_in_miles)
    word = (_text(item, "status") or "").upper()
    if word:
        status = _STATUSES.get(word, ServiceStatus.UNKNOWN)
        if word not in _STATUSES:
            report(SERVICES, word)
    else:
        status = _reckoned_status(due_date, distance_km, today)
    return Service(
        type=_type(item, SERVICE_TYPES, "title") or "UNKNOWN",
        status=status,
        due_date=due_date,
        due_distance_km=distance_km,
        description=_text(item, "description"),
    )


def _reckoned_status(due_date: date | None, distance_km: int | None, today: date) -> ServiceStatus:
    """Say what BMW left out; a service is due in the month it names."""
    if due_date is None and distance_km is None:
        return ServiceStatus.UNKNOWN
    is_past = due_date is not None and due_date < today.replace(day=1)
    is_used_up = distance_km is not None and distance_km < 0
    return ServiceStatus.OVERDUE if is_past or is_used_up else ServiceStatus.OK


@lru_cache(maxsize=64)
def _items(text: str | None) -> tuple[Item, ...] | None:
    """Read a list of objects; cars repeat it for months."""
    if text is None:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, dict):
        found = [found]
    if not isinstance(found, list):
        return None
    return tuple(item for item in found if isinstance(item, dict))[:MAX_ITEMS]


def _type(item: Item, known: Mapping[str, str], name: str) -> str | None:
    """Return the app API's word for BMW's number, else one made of the text."""
    number = _text(item, "id")
    if number in known:
        return known[number or ""]
    text = _text(item, name) or number or ""
    return re.sub(r"\W+", "_", text).strip("_").upper()[:LONGEST_TYPE] or None


def _text(item: Item, name: str) -> str | None:
    value = item.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 1e12 else None  # noqa: PLR2004 - an id, a distance
    if not isinstance(value, str) or value.strip().lower() in NULLS:
        return None
    return value.strip()


def _due_date(item: Item) -> date | None:
    match = _DATE.match(_text(item, "date") or "")
    try:
        return date(int(match[1]), int(match[2]), int(match[3] or 1)) if match else None
    except ValueError:
        return None


def _distance_km(item: Item, *, is_in_miles: bool) -> int | None:
    try:
        distance = float(_text(item, "unitOfLengthRemaining") or "nan")
    except ValueError:
        return None
    distance *= KM_PER_MILE if is_in_miles else 1
    return round(distance) if abs(distance) <= LONGEST_DISTANCE_KM else None
