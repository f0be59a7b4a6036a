"""Departure timers: BMW has the parts of each in descriptors of their own."""

from datetime import time

from bmw2mqtt.accounts.cardata.telemetry.descriptors import (
    TIMER_ACTION,
    TIMER_HOUR,
    TIMER_MINUTE,
)
from bmw2mqtt.accounts.cardata.telemetry.lookup import ReadingLookup
from bmw2mqtt.vehicle.snapshot import Timer

_IS_ACTIVE = {"activate": True, "deactivate": False}


def departure_timers(readings: ReadingLookup) -> tuple[Timer, ...]:
    """Return the timers that the car has reported: two weekly ones and a single one."""
    timers = []
    for number, key in enumerate(TIMER_ACTION, start=1):
        is_active = _IS_ACTIVE.get(readings.word(TIMER_ACTION[key]) or "")
        hour = readings.whole(TIMER_HOUR[key], minimum=0, maximum=23)
        minute = readings.whole(TIMER_MINUTE[key], minimum=0, maximum=59)
        departure = None if hour is None or minute is None else time(hour, minute)
        if departure is not None or is_active is not None:
            timers.append(Timer(id=number, time=departure, is_active=is_active))
    return tuple(timers)
