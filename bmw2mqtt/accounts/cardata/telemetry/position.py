"""Pair latitudes and longitudes, which often come in two messages.

Wrongly paired ones draw right angles on the map.
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bmw2mqtt.accounts.cardata.telemetry.decode import LogUnknown, decode
from bmw2mqtt.accounts.cardata.telemetry.descriptors import LATITUDE, LONGITUDE
from bmw2mqtt.accounts.cardata.telemetry.times import read_time
from bmw2mqtt.entities.catalogue import Descriptor
from bmw2mqtt.vehicle.snapshot import Reading

SAME_FIX = timedelta(seconds=5)
"""Coordinates measured this close together are one fix."""
SAME_ARRIVAL = timedelta(seconds=30)
"""Coordinates received this close together are one fix, if no better one is there."""
NEAR = timedelta(seconds=30)
MAX_JUMP_KM = 2
"""No car gets further between two fixes that are near in time."""
CLOCK_TOLERANCE = timedelta(minutes=5)
MAX_WAITING = 4
"""Coordinates of a burst that may wait for their partner."""
KM_PER_DEGREE = 111.2


@dataclass(slots=True)
class Coordinate:
    """A latitude or a longitude."""

    degrees: float
    measured_at: datetime
    received_at: datetime
    is_used: bool = False


@dataclass(frozen=True, slots=True)
class PositionFix:
    """The place of the car at one moment."""

    latitude: float
    longitude: float
    measured_at: datetime


class PositionPairing:
    """Pairs the coordinates of one car."""

    def __init__(self, last: PositionFix | None = None) -> None:
        self.last = last
        self._latitudes: deque[Coordinate] = deque(maxlen=MAX_WAITING)
        self._longitudes: deque[Coordinate] = deque(maxlen=MAX_WAITING)

    def add(self, latitude: Coordinate | None, longitude: Coordinate | None) -> PositionFix | None:
        """Add one coordinate, or two that came together; return the new fix they make, if any."""
        if latitude is None and longitude is not None:
            latitude = self._partner(longitude, self._longitudes, self._latitudes)
        elif latitude is not None and longitude is None:
            longitude = self._partner(latitude, self._latitudes, self._longitudes)
        if latitude is None or longitude is None:
            return None
        measured_at = max(latitude.measured_at, longitude.measured_at)
        if self._is_old(measured_at, latitude.received_at):
            return None
        latitude.is_used = longitude.is_used = True
        fix = PositionFix(latitude.degrees, longitude.degrees, measured_at)
        if not is_place(fix.latitude, fix.longitude) or self._is_jump(fix):
            return None
        self.last = fix
        return fix

    def _partner(
        self, one: Coordinate, same: deque[Coordinate], others: deque[Coordinate]
    ) -> Coordinate | None:
        """Return the coordinate that belongs to this one; without one, this one waits."""
        is_known = any(known.measured_at == one.measured_at for known in same)
        if is_known or self._is_old(one.measured_at, one.received_at):
            return None  # BMW sends many readings twice
        same.append(one)
        if others:
            nearest = min(others, key=lambda other: abs(other.measured_at - one.measured_at))
            if abs(nearest.measured_at - one.measured_at) <= SAME_FIX:
                return nearest
        for other in reversed(others):
            if not other.is_used and abs(one.received_at - other.received_at) <= SAME_ARRIVAL:
                return other
        return None

    def _is_old(self, measured_at: datetime, received_at: datetime) -> bool:
        """Whether there is a newer fix; one of the future came from a clock that was wrong."""
        last = self.last
        return last is not None and measured_at <= last.measured_at <= received_at + CLOCK_TOLERANCE

    def _is_jump(self, fix: PositionFix) -> bool:
        last = self.last
        if last is None or abs(fix.measured_at - last.measured_at) > NEAR:
            return False
        return distance_km(last, fix) > MAX_JUMP_KM


def is_place(latitude: float, longitude: float) -> bool:
    """Return whether it is a place; cars that do not know theirs report 0/0."""
    return abs(latitude) > 1e-6 or abs(longitude) > 1e-6  # noqa: PLR2004 - ten centimetres


def distance_km(one: PositionFix, other: PositionFix) -> float:
    """Return the distance, good enough for a few kilometres."""
    north = one.latitude - other.latitude
    east = (one.longitude - other.longitude) * math.cos(math.radians(one.latitude))
    return math.hypot(north, east) * KM_PER_DEGREE


def fix_of(readings: Mapping[str, Reading]) -> PositionFix | None:
    """Return the fix that a car's readings stand for."""
    latitude, longitude = readings.get(LATITUDE), readings.get(LONGITUDE)
    if latitude is None or longitude is None or latitude.measured_at is None:
        return None
    if not isinstance(latitude.value, float) or not isinstance(longitude.value, float):
        return None
    return PositionFix(latitude.value, longitude.value, latitude.measured_at)


def read_coordinate(
    row: Descriptor, entry: Mapping[str, Any], received_at: datetime, log_unknown: LogUnknown
) -> Coordinate | None:
    """Read one of BMW's entries; `None` if the car does not know where it is.

    Raises:
        UndecodableValueError: it is no coordinate.
    """
    degrees = decode(row, entry.get("value"), None, log_unknown).value
    if not isinstance(degrees, float):
        return None
    measured_at = read_time(entry.get("timestamp"))
    if measured_at is None or measured_at > received_at + CLOCK_TOLERANCE:
        measured_at = received_at
    return Coordinate(degrees, measured_at, received_at)
