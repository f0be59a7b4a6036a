"""The destination of the navigation system, and when the car will be there."""

import re
from datetime import datetime, timedelta

from bmw2mqtt.accounts.cardata.telemetry.descriptors import ARRIVAL_TIME
from bmw2mqtt.accounts.cardata.telemetry.lookup import ReadingLookup

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)


def arrival_at(readings: ReadingLookup) -> datetime | None:
    """Return the arrival time: the car reports hours and minutes of the local time."""
    reading = readings.find(ARRIVAL_TIME)
    if reading is None or reading.measured_at is None:
        return None
    match = _CLOCK.fullmatch(str(reading.value).strip())
    if match is None:
        return None
    local = reading.measured_at.astimezone()
    try:
        arrival = local.replace(hour=int(match[1]), minute=int(match[2]), second=0, microsecond=0)
    except ValueError:
        return None
    return arrival + timedelta(days=1) if arrival < local - timedelta(minutes=1) else arrival
