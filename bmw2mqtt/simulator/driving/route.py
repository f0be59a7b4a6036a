"""A way through a town, and where on it a car is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Final

EARTH_RADIUS_KM: Final = 6371.0


@dataclass(frozen=True, slots=True)
class Waypoint:
    """A corner of a route, with the address BMW gives for the places around it."""

    latitude: float
    longitude: float
    address: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a car is and where it looks, in degrees clockwise from north."""

    latitude: float
    longitude: float
    heading: int
    address: str


@dataclass(frozen=True, slots=True)
class Route:
    """A line of waypoints, from home to work."""

    waypoints: tuple[Waypoint, ...]
    _milestones: tuple[float, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        legs = (distance_km(start, end) for start, end in pairwise(self.waypoints))
        object.__setattr__(self, "_milestones", tuple(accumulate(legs, initial=0.0)))

    @property
    def length_km(self) -> float:
        """How far it is from home to work."""
        return self._milestones[-1]

    def place(self, km: float, *, homeward: bool = False) -> Place:
        """Return where a car is that is `km` away from home."""
        last_leg = len(self.waypoints) - 2
        leg = next((i for i in range(last_leg) if km < self._milestones[i + 1]), last_leg)
        start, end = self.waypoints[leg], self.waypoints[leg + 1]
        begin, finish = self._milestones[leg], self._milestones[leg + 1]
        share = min(max((km - begin) / (finish - begin), 0.0), 1.0)
        heading = _heading(end, start) if homeward else _heading(start, end)
        return Place(
            latitude=round(start.latitude + share * (end.latitude - start.latitude), 6),
            longitude=round(start.longitude + share * (end.longitude - start.longitude), 6),
            heading=heading,
            address=(start if share < 1 / 2 else end).address,
        )


def distance_km(start: Waypoint | Place, end: Waypoint | Place) -> float:
    """Return how far apart two places of a town are."""
    north = math.radians(end.latitude - start.latitude)
    east = math.radians(end.longitude - start.longitude) * _shrink(start.latitude)
    return EARTH_RADIUS_KM * math.hypot(north, east)


def _heading(start: Waypoint, end: Waypoint) -> int:
    east = (end.longitude - start.longitude) * _shrink(start.latitude)
    return round(math.degrees(math.atan2(east, end.latitude - start.latitude))) % 360


def _shrink(latitude: float) -> float:
    """Return how much shorter a degree of longitude is here than at the equator."""
    return math.cos(math.radians(latitude))


OLYMPIAPARK_TO_GARCHING: Final = Route(
    (
        Waypoint(48.17733, 11.55627, "Am Olympiapark 1, 80809 München"),
        Waypoint(48.18250, 11.56010, "Lerchenauer Straße, 80809 München"),
        Waypoint(48.18640, 11.57450, "Moosacher Straße, 80809 München"),
        Waypoint(48.18480, 11.59060, "Frankfurter Ring, 80807 München"),
        Waypoint(48.20060, 11.61360, "A9, 80939 München"),
        Waypoint(48.22440, 11.63200, "A9, 85748 Garching"),
        Waypoint(48.24600, 11.63860, "Münchener Straße, 85748 Garching"),
        Waypoint(48.26230, 11.66830, "Boltzmannstraße 15, 85748 Garching"),
    )
)
STARNBERG_TO_MUNICH: Final = Route(
    (
        Waypoint(47.99740, 11.34060, "Kirchplatz 3, 82319 Starnberg"),
        Waypoint(48.00560, 11.36620, "Münchner Straße, 82319 Starnberg"),
        Waypoint(48.02010, 11.40950, "A952, 82319 Starnberg"),
        Waypoint(48.04890, 11.45530, "A95, 82065 Baierbrunn"),
        Waypoint(48.08260, 11.48930, "A95, 81476 München"),
        Waypoint(48.11480, 11.52060, "Luise-Kiesselbach-Platz, 81377 München"),
        Waypoint(48.12420, 11.53890, "Plinganserstraße, 81369 München"),
        Waypoint(48.13400, 11.56720, "Sendlinger-Tor-Platz 5, 80336 München"),
    )
)
DACHAU_TO_MUNICH: Final = Route(
    (
        Waypoint(48.26030, 11.43420, "Schloßstraße 2, 85221 Dachau"),
        Waypoint(48.24830, 11.45260, "Münchner Straße, 85221 Dachau"),
        Waypoint(48.22690, 11.47640, "Münchner Straße, 85757 Karlsfeld"),
        Waypoint(48.20130, 11.50800, "Dachauer Straße, 80995 München"),
        Waypoint(48.17500, 11.53480, "Dachauer Straße, 80992 München"),
        Waypoint(48.15320, 11.55250, "Dachauer Straße, 80335 München"),
        Waypoint(48.14030, 11.55830, "Bayerstraße 10, 80335 München"),
    )
)
