"""Positions, distances between them, and the word for a place."""

import math
from dataclasses import dataclass
from enum import StrEnum

EARTH_RADIUS_M = 6_371_008.8
DEFAULT_RADIUS_M = 150


class Zone(StrEnum):
    """The only thing that is kept of a place by default."""

    HOME = "home"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Coordinates:
    """A position (WGS 84, degrees)."""

    latitude: float
    longitude: float

    def distance_m(self, other: "Coordinates") -> float:
        """Return the distance over ground (haversine)."""
        north = math.radians(other.latitude - self.latitude)
        east = math.radians(other.longitude - self.longitude)
        a = (
            math.sin(north / 2) ** 2
            + math.cos(math.radians(self.latitude))
            * math.cos(math.radians(other.latitude))
            * math.sin(east / 2) ** 2
        )
        return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(a)))


@dataclass(frozen=True, slots=True)
class Home:
    """Where the owner lives, as configured."""

    latitude: float
    longitude: float
    radius_m: float = DEFAULT_RADIUS_M

    def zone(self, place: Coordinates) -> Zone:
        """Return the word for a place."""
        is_home = Coordinates(self.latitude, self.longitude).distance_m(place) <= self.radius_m
        return Zone.HOME if is_home else Zone.ELSEWHERE


def zone_of(home: Home | None, place: Coordinates | None) -> Zone | None:
    """Return the word for a place; `None` if the place or the home is unknown."""
    return None if home is None or place is None else home.zone(place)
