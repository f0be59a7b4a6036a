"""The climate control of the parked car, and its timers."""

from datetime import datetime, time, timedelta

from bmw2mqtt.accounts.cardata.snapshot.words import PRECONDITIONING_ERRORS
from bmw2mqtt.accounts.cardata.telemetry.descriptors import (
    CLIMATE,
    CLIMATE_ERROR,
    CLIMATE_REMAINING,
    TIMER_ACTION,
    TIMER_HOUR,
    TIMER_MINUTE,
)
from bmw2mqtt.accounts.cardata.telemetry.lookup import NEVER, ReadingLookup
from bmw2mqtt.vehicle.snapshot import Climate, ClimateActivity, Reading, Timer

LONGEST_S = 24 * 60 * 60
OVER_AFTER = timedelta(minutes=5)
"""How long after the end that the car itself named it counts as off."""
_ACTIVITIES: dict[str, ClimateActivity | None] = {
    **{activity.value: activity for activity in ClimateActivity},
    "notactive": ClimateActivity.INACTIVE,
    "comfortheating": ClimateActivity.HEATING,
    "comfortcooling": ClimateActivity.COOLING,
    "comfortventilation": ClimateActivity.VENTILATION,
    "defrost": ClimateActivity.HEATING,
    "comfortundefined": None,
}
_IS_ACTIVE = {"activate": True, "deactivate": False}


def climate(readings: ReadingLookup, now: datetime) -> Climate:
    """Return the activity with its end; it is over some minutes after the end the car named."""
    reading, remaining = activity_reading(readings), readings.find(*CLIMATE_REMAINING)
    activity = None if reading is None else _ACTIVITIES.get(str(reading.value).replace("_", ""))
    error = readings.one_of(PRECONDITIONING_ERRORS, CLIMATE_ERROR)
    reported = Climate(activity=activity, error=error)
    if not reported.is_on or remaining is None or remaining.measured_at is None:
        return reported
    seconds = float(remaining.value or 0) * (60 if remaining.unit == "min" else 1)
    end_time = remaining.measured_at + timedelta(seconds=min(seconds, LONGEST_S))
    reported_at = (reading.measured_at if reading else None) or NEVER
    if not 0 < seconds <= LONGEST_S or end_time <= reported_at:
        return reported  # left over from the time before
    if now >= end_time + OVER_AFTER:
        return Climate(activity=ClimateActivity.INACTIVE, error=error)
    is_over = now >= end_time
    return Climate(
        activity=activity,
        end_time=end_time,
        remaining_s=None if is_over else seconds,
        error=error,
    )


def activity_reading(readings: ReadingLookup) -> Reading | None:
    """Return the reading that the activity comes from."""
    return readings.find_one_of(_ACTIVITIES, *CLIMATE)


def changes_at(climate: Climate, now: datetime) -> datetime | None:
    """Return when time alone changes it next."""
    if climate.end_time is None:
        return None
    return climate.end_time if now < climate.end_time else climate.end_time + OVER_AFTER


def departure_timers(readings: ReadingLookup) -> tuple[Timer, ...]:
    """Return the departure timers that the car has reported: two weekly ones and a single one."""
    timers = []
    for number, key in enumerate(TIMER_ACTION, start=1):
        is_active = _IS_ACTIVE.get(readings.word(TIMER_ACTION[key]) or "")
        hour = readings.whole(TIMER_HOUR[key], minimum=0, maximum=23)
        minute = readings.whole(TIMER_MINUTE[key], minimum=0, maximum=59)
        departure = None if hour is None or minute is None else time(hour, minute)
        if departure is not None or is_active is not None:
            timers.append(Timer(id=number, time=departure, is_active=is_active))
    return tuple(timers)
