"""Services and warnings: lists that BMW sends as JSON within a text."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from bmw2mqtt.accounts.cardata.telemetry.decode import (
    KM_PER_MILE,
    NULLS,
    Item,
    LogUnknown,
    read_items,
)
from bmw2mqtt.accounts.cardata.telemetry.descriptors import INSPECTION_DATE, MESSAGES, SERVICES
from bmw2mqtt.accounts.cardata.telemetry.lookup import ReadingLookup
from bmw2mqtt.accounts.cardata.telemetry.times import read_time
from bmw2mqtt.vehicle.service_date import plausible_due_date
from bmw2mqtt.vehicle.snapshot import CheckControlMessage, Service, ServiceStatus, Severity

MAX_TYPE_LENGTH = 60
MAX_DISTANCE_KM = 1_000_000

SERVICE_TYPES = {
    "1": "ENGINE_OIL",
    "2": "BRAKE_PADS_FRONT",
    "3": "BRAKE_FLUID",
    "17": "VEHICLE_TUV",  # of the i3
    "32": "VEHICLE_TUV",
    "100": "VEHICLE_CHECK",
}
"""The app API's names, by BMW's number."""
MESSAGE_TYPES = {"143": "TIRE_PRESSURE", "164": "WASHING_FLUID", "907": "BRAKE_PADS"}
_STATUSES = {
    "OK": ServiceStatus.OK,
    "PENDING": ServiceStatus.PENDING,
    "DUE": ServiceStatus.PENDING,
    "OVERDUE": ServiceStatus.OVERDUE,
}
_SEVERITIES = {severity.value: severity for severity in Severity}
_DISTANCE = re.compile(r"(-?\d+(?:\.\d+)?)\s*(km|mi|miles)?", re.ASCII | re.IGNORECASE)


def services(
    readings: ReadingLookup, today: date, log_unknown: LogUnknown, *, is_in_miles: bool
) -> tuple[Service, ...] | None:
    """Return the condition-based services; `None` if BMW has not reported any list.

    Their distances are in the unit of the car's display.
    """
    items = _items(readings, SERVICES)
    if items is None:
        return None
    return tuple(_service(item, today, log_unknown, is_in_miles=is_in_miles) for item in items)


def warnings(
    readings: ReadingLookup, *, is_in_miles: bool, odometer_km: float | None
) -> tuple[CheckControlMessage, ...] | None:
    """Return the check-control messages; `None` if BMW has not reported any list.

    The odometer in a message is in the unit of the car's display, and not beyond the car's.
    """
    items = _items(readings, MESSAGES)
    if items is None:
        return None
    return tuple(
        CheckControlMessage(
            type=_type(item, MESSAGE_TYPES, "text") or "UNKNOWN",
            severity=_SEVERITIES.get((_text(item, "severity") or "").upper(), Severity.UNKNOWN),
            description=_text(item, "text"),
            mileage_km=_mileage_km(item, is_in_miles=is_in_miles, odometer_km=odometer_km),
        )
        for item in items
    )


def inspection_date(readings: ReadingLookup) -> date | None:
    """Return the date of the legal inspection."""
    word = readings.word(INSPECTION_DATE)
    return None if word is None else datetime.fromisoformat(word).date()


def _mileage_km(item: Item, *, is_in_miles: bool, odometer_km: float | None) -> float | None:
    """Return the odometer when a message appeared, in the unit that is not beyond the car's."""
    length = _length(item)
    if length is None or length.number < 0:
        return None
    in_miles = round(length.number * KM_PER_MILE, 1)
    is_possible = odometer_km is None or in_miles <= odometer_km * 1.01
    unit = length.unit or ("mi" if is_in_miles and is_possible else "km")
    return in_miles if unit == "mi" else length.number


def _service(item: Item, today: date, log_unknown: LogUnknown, *, is_in_miles: bool) -> Service:
    due_date = _due_date(item)
    distance_km = _distance_km(item, is_in_miles=is_in_miles)
    word = (_text(item, "status") or "").upper()
    if word:
        status = _STATUSES.get(word, ServiceStatus.UNKNOWN)
        if word not in _STATUSES:
            log_unknown(SERVICES, word)
    else:
        status = _computed_status(due_date, distance_km, today)
    return Service(
        type=_type(item, SERVICE_TYPES, "title") or "UNKNOWN",
        status=status,
        due_date=plausible_due_date(due_date, today),
        due_distance_km=distance_km,
        description=_text(item, "description"),
    )


def _computed_status(due_date: date | None, distance_km: int | None, today: date) -> ServiceStatus:
    """Compute the status that BMW left out; a service is due until the end of its month."""
    if due_date is None and distance_km is None:
        return ServiceStatus.UNKNOWN
    is_past = due_date is not None and due_date < today.replace(day=1)
    is_used_up = distance_km is not None and distance_km < 0
    return ServiceStatus.OVERDUE if is_past or is_used_up else ServiceStatus.OK


def _items(readings: ReadingLookup, name: str) -> tuple[Item, ...] | None:
    text = readings.word(name)
    return None if text is None else read_items(text)


def _type(item: Item, known: Mapping[str, str], name: str) -> str | None:
    """Return the app API's name for BMW's number, else one made of the text."""
    number = _text(item, "id")
    if number in known:
        return known[number or ""]
    text = _text(item, name) or number or ""
    return re.sub(r"\W+", "_", text).strip("_").upper()[:MAX_TYPE_LENGTH] or None


def _text(item: Item, name: str) -> str | None:
    value = item.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 1e12 else None  # noqa: PLR2004 - an id, a distance
    if not isinstance(value, str) or value.strip().lower() in NULLS:
        return None
    return value.strip()


def _due_date(item: Item) -> date | None:
    found = read_time(_text(item, "date"))
    return None if found is None else found.date()


def _distance_km(item: Item, *, is_in_miles: bool) -> int | None:
    length = _length(item)
    if length is None:
        return None
    unit = length.unit or ("mi" if is_in_miles else "km")
    distance = length.number * (KM_PER_MILE if unit == "mi" else 1)
    return round(distance) if abs(distance) <= MAX_DISTANCE_KM else None


class _Length(NamedTuple):
    number: float
    unit: str | None
    """`km` or `mi`; `None`: that of the display."""


def _length(item: Item) -> _Length | None:
    """Return the distance left of a service, or the odometer of a warning."""
    match = _DISTANCE.fullmatch(str(item.get("unitOfLengthRemaining")).strip())
    if match is None or abs(float(match[1])) > MAX_DISTANCE_KM * 10:
        return None
    return _Length(float(match[1]), match[2].lower()[:2] if match[2] else None)
