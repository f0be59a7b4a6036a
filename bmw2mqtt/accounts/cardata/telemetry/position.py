"""Where a car is: latitude and longitude often come in two messages, and have to be paired.

Wrongly paired halves draw right angles on the map.
"""

import math
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

SAME_FIX = timedelta(seconds=5)
"""Halves that were measured this close together are one fix."""
SAME_ARRIVAL = timedelta(seconds=30)
"""Halves that came this close together are one fix, if there is none better."""
NEAR = timedelta(seconds=30)
LONGEST_JUMP_KM = 2
"""Further than that no car gets between two fixes that are near in time."""
TOLERANCE = timedelta(minutes=5)
"""Clocks go wrong."""
KEPT = 4
"""Halves of a burst that may wait for their other half."""
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
    """Where the car was at one moment."""

    latitude: float
    longitude: float
    measured_at: datetime


class PositionPairing:
    """Pairs the halves of one car's fixes."""

    def __init__(self, last: PositionFix | None = None) -> None:
        self.last = last
        self._latitudes: deque[Coordinate] = deque(maxlen=KEPT)
        self._longitudes: deque[Coordinate] = deque(maxlen=KEPT)

    def take(self, latitude: Coordinate | None, longitude: Coordinate | None) -> PositionFix | None:
        """Take one half, or two that came together; return the fix if they make a new one."""
        if latitude is None and longitude is not None:
            latitude = self._other(longitude, self._longitudes, self._latitudes)
        elif latitude is not None and longitude is None:
            longitude = self._other(latitude, self._latitudes, self._longitudes)
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

    def _other(
        self, half: Coordinate, same: deque[Coordinate], others: deque[Coordinate]
    ) -> Coordinate | None:
        """Return the half that goes with this one, which is kept until one comes."""
        is_known = any(known.measured_at == half.measured_at for known in same)
        if is_known or self._is_old(half.measured_at, half.received_at):
            return None  # BMW sends many readings twice
        same.append(half)
        if others:
            nearest = min(others, key=lambda other: abs(other.measured_at - half.measured_at))
            if abs(nearest.measured_at - half.measured_at) <= SAME_FIX:
                return nearest
        for other in reversed(others):
            if not other.is_used and abs(half.received_at - other.received_at) <= SAME_ARRIVAL:
                return other
        return None

    def _is_old(self, measured_at: datetime, received_at: datetime) -> bool:
        """Whether it is no news; a last fix of the future came from a clock that was wrong."""
        last = self.last
        return last is not None and measured_at <= last.measured_at <= received_at + TOLERANCE

    def _is_jump(self, fix: PositionFix) -> bool:
        last = self.last
        if last is None or abs(fix.measured_at - last.measured_at) > NEAR:
            return False
        return distance_km(last, fix) > LONGEST_JUMP_KM


def is_place(latitude: float, longitude: float) -> bool:
    """Whether a car can be there; 0/0 is what cars say that do not know."""
    return abs(latitude) > 1e-6 or abs(longitude) > 1e-6  # noqa: PLR2004 - ten centimetres


def distance_km(one: PositionFix, other: PositionFix) -> float:
    """Return the distance, good enough for a few kilometres."""
    north = one.latitude - other.latitude
    east = (one.longitude - other.longitude) * math.cos(math.radians(one.latitude))
    return math.hypot(north, east) * KM_PER_DEGREE
