"""What the rules about trips produce."""

from dataclasses import dataclass
from datetime import datetime

from bmw2mqtt.vehicle.trips.places import Coordinates, Zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A trip that is over."""

    key: int
    """Epoch second of the first sign of the trip: with the VIN, its identity for good."""
    start_at: datetime | None
    """`None`: nothing but the end is known; not before the end of the trip before."""
    start_known: bool
    """If not, the car was already under way, or the row may hold several drives."""
    end_at: datetime
    end_source: str
    """The sign that ended it: `door`, `parked`, `not_moving`, `locked`, `plugged_in`, `trip_end`,
    `odometer` (reported at the end only), `silence`, `stopped` (a long pause before it went on)."""
    km: float | None
    distance_source: str | None
    """`odometer` (whole kilometres) or `positions`."""
    odometer_start_km: float | None = None
    odometer_end_km: float | None = None
    soc_start: float | None = None
    soc_end: float | None = None
    kwh: float | None = None
    kwh_per_100km: float | None = None
    fuel_start_l: float | None = None
    fuel_end_l: float | None = None
    litres: float | None = None
    zone_from: Zone | None = None
    zone_to: Zone | None = None
    position_from: Coordinates | None = None
    position_to: Coordinates | None = None
    track: tuple[Coordinates, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuel:
    """A filled tank."""

    key: int
    """Epoch second of the first higher reading: with the VIN, its identity for good."""
    at: datetime
    not_before: datetime
    """Of the last lower reading: some cars tell of it only after the next trip."""
    before_l: float | None
    after_l: float | None
    before_percent: float | None = None
    after_percent: float | None = None
    litres: float | None = None
    """An estimate: a tank is known to a few litres."""
    odometer_km: float | None = None
    litres_per_100km: float | None = None
    """Since the refuelling before."""
    zone: Zone | None = None
    position: Coordinates | None = None


@dataclass(frozen=True, slots=True)
class TripStarted:
    """A trip began; sent once per trip."""

    key: int
    start_at: datetime
    start_known: bool
    odometer_km: float | None
    soc_percent: float | None
    zone_from: Zone | None


@dataclass(frozen=True, slots=True)
class TripEnded:
    """A trip is over; sent once per trip, also for one that was never announced."""

    trip: Trip


@dataclass(frozen=True, slots=True)
class TripCorrected:
    """A late reading completed the trip of this key."""

    trip: Trip


@dataclass(frozen=True, slots=True)
class TripDiscarded:
    """A trip that was announced turned out too short for a record."""

    key: int


@dataclass(frozen=True, slots=True)
class Refuelled:
    """The tank was filled."""

    refuel: Refuel


TripEvent = TripStarted | TripEnded | TripCorrected | TripDiscarded | Refuelled
