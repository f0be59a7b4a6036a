"""A short notation for what a car reports, and a tracker that reads it."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from bmw2mqtt.vehicle.snapshot import DriveTrain
from bmw2mqtt.vehicle.trips import (
    Coordinates,
    Home,
    Measured,
    Observation,
    Refuelled,
    TripCorrected,
    TripEndBlock,
    TripEnded,
    TripEvent,
    TripTracker,
)

T0 = datetime(2026, 11, 10, 8, tzinfo=UTC)
HOME = Home(48.1, 11.5, 150)
ICE, PHEV, EV = DriveTrain.COMBUSTION, DriveTrain.PLUGIN_HYBRID, DriveTrain.ELECTRIC

DRIVE = """
-0:05 OD=100 POS=0 HD=80
0:00 MV=1
0:10 OD=110 POS=9000
0:20 OD=130 POS=18000
0:30 MV=0 OD=140 POS=27000
0:31 HD=70 LK=1
"""
"""40 km from home, with a tenth of the battery, locked at the end."""

_NAMES = {
    "OD": ("odometer_km", float),
    "MV": ("is_moving", bool),
    "IG": ("is_ignition_on", bool),
    "DO": ("is_driver_door_open", bool),
    "LK": ("is_locked", bool),
    "PL": ("is_plugged_in", bool),
    "CH": ("is_charging", bool),
    "HD": ("soc_percent", float),
    "FL": ("fuel_l", float),
    "FP": ("fuel_percent", float),
}


def at(text: str) -> datetime:
    """Return the time of `h:mm` or `h:mm:ss` after T0, or before it."""
    sign = -1 if text.startswith("-") else 1
    hours, minutes, *seconds = (int(part) for part in text.lstrip("-").split(":"))
    return T0 + sign * timedelta(hours=hours, minutes=minutes, seconds=sum(seconds))


def place(metres: float) -> Coordinates:
    """Return a place so far north of home."""
    return Coordinates(48.1 + metres / 111_195, 11.5)


def observation(line: str, drive_train: DriveTrain, capacity: float = 78) -> Observation:
    """Read a line: `0:02 OD=1009 POS=60@-0:01 MV=1`, measured on arrival where no @ is."""
    time, *words = line.split()
    values: dict[str, Any] = {}
    for word in words:
        name, value, stamp = re.fullmatch(r"(\w+)=([^@]+)(?:@(.+))?", word).groups()
        measured_at = at(stamp or time)
        if name == "POS":
            values["position"] = Measured(place(float(value)), measured_at)
        elif name == "END":
            values["trip_end"] = TripEndBlock(at=measured_at, odometer_km=float(value))
        else:
            field, kind = _NAMES[name]
            values[field] = Measured(kind(float(value)), measured_at)
    return Observation(
        received_at=at(time), drive_train=drive_train, capacity_kwh=capacity, **values
    )


def follow(
    tracker: TripTracker, observations: Iterable[Observation], until: datetime
) -> list[TripEvent]:
    """Feed a tracker; let time pass in between as the daemon's timer does."""
    events: list[TripEvent] = []
    for seen in observations:
        events += pass_time(tracker, seen.received_at)
        events += tracker.update(seen)
    return events + pass_time(tracker, until)


def pass_time(tracker: TripTracker, until: datetime) -> list[TripEvent]:
    events: list[TripEvent] = []
    while (due := tracker.next_check_at()) is not None and due <= until:
        events += tracker.advance(due)
    return events


def records(events: Iterable[TripEvent]) -> tuple[list[Any], list[Any]]:
    """Return the trips as they are in the end, and the refuelling."""
    trips: dict[int, Any] = {}
    refuels: dict[int, Any] = {}
    for event in events:
        if isinstance(event, TripEnded):
            assert event.trip.key not in trips, "a trip ended twice"
            trips[event.trip.key] = event.trip
        elif isinstance(event, TripCorrected):
            assert event.trip.key in trips, "a correction of no trip"
            trips[event.trip.key] = event.trip
        elif isinstance(event, Refuelled):
            refuels[event.refuel.key] = event.refuel
    return list(trips.values()), list(refuels.values())


def run(
    text: str, drive_train: DriveTrain = EV, home: Home | None = HOME, **options: Any
) -> list[TripEvent]:
    """Return what a new tracker makes of these lines, and of the rest of a day."""
    reports = [observation(line, drive_train) for line in text.strip().splitlines()]
    return follow(TripTracker(home, **options), reports, at("24:00"))
