"""The destination of the navigation system, and when the car will be there."""

import re
from datetime import datetime, timedelta

from bmw2mqtt.accounts.cardata.telemetry.descriptors import ARRIVAL_TIME
from bmw2mqtt.accounts.cardata.telemetry.lookup import ReadingLookup
from bmw2mqtt.accounts.cardata.telemetry.times import read_time

_CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})(?: ?([AP])\.?M\.?)?", re.ASCII | re.IGNORECASE)
_NOON = 12


def arrival_at(readings: ReadingLookup) -> datetime | None:
    """Return the arrival time: the car reports hours and minutes of the local time."""
    reading = readings.find(ARRIVAL_TIME)
    if reading is None or reading.measured_at is None:
        return None
    text = str(reading.value).strip()
    match = _CLOCK.fullmatch(text)
    if match is None:
        return read_time(text)
    hour, half = int(match[1]), (match[3] or "").upper()
    if half:
        hour = hour % _NOON + (_NOON if half == "P" else 0)
    local = reading.measured_at.astimezone()
    try:
        arrival = local.replace(hour=hour, minute=int(match[2]), second=0, microsecond=0)
    except ValueError:
        return None
    return arrival + timedelta(days=1) if arrival < local - timedelta(minutes=1) else arrival
