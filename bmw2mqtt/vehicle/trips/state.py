"""What the rules about trips remember of a car; it can be stored and restored at any moment."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bmw2mqtt.vehicle.snapshot import DriveTrain
from bmw2mqtt.vehicle.trips import rules
from bmw2mqtt.vehicle.trips.fixes import Fixes
from bmw2mqtt.vehicle.trips.observation import Measured
from bmw2mqtt.vehicle.trips.odometer import Odometer
from bmw2mqtt.vehicle.trips.places import Coordinates, Zone
from bmw2mqtt.vehicle.trips.records import Trip
from bmw2mqtt.vehicle.trips.refuelling import Tank


@dataclass(slots=True, kw_only=True)
class OpenTrip:
    """A trip that is not over, or a first sign that may become one."""

    key: int
    opened_at: datetime
    """By the clock of arrival."""
    first_moved_at: datetime
    last_moved_at: datetime
    last_sign: str
    """What told of the last movement: `moving`, `ignition`, `position`, `odometer`."""
    not_before: datetime | None
    """The trip or charge before was over then, or the car was still at its place."""
    start_known: bool = True
    is_announced: bool = False
    is_streamed: bool = False
    """Reported while driving, not at the end only."""
    door_closed_at: datetime | None = None
    standing_at: datetime | None = None
    standing_sign: str | None = None
    odometer_start_km: float | None = None
    odometer_end_km: float | None = None
    gps_m: float = 0
    fixes: int = 0
    position_from: Coordinates | None = None
    position_to: Measured[Coordinates] | None = None
    zone_from: Zone | None = None
    zone_to: Zone | None = None
    track: list[Coordinates] = field(default_factory=list)
    soc_start: Measured[float] | None = None
    soc_end: Measured[float] | None = None
    fuel_start: Measured[float] | None = None
    fuel_end: Measured[float] | None = None
    is_refuelled: bool = False

    @property
    def start_at(self) -> datetime:
        """When it began, as far as is known by now."""
        at = self.door_closed_at or self.first_moved_at
        return at if self.not_before is None else min(max(at, self.not_before), self.first_moved_at)

    def add_to_track(self, place: Coordinates) -> None:
        """Keep a position of the way; beyond the limit every second one goes."""
        self.track.append(Coordinates(round(place.latitude, 5), round(place.longitude, 5)))
        if len(self.track) > rules.TRACK_POINTS:
            self.track = self.track[::2]


@dataclass(slots=True, kw_only=True)
class LastTrip:
    """The last trip that became a record: late readings may complete it."""

    trip: Trip
    is_streamed: bool
    gps_km: float = 0
    soc_start: Measured[float] | None = None
    soc_end: Measured[float] | None = None


@dataclass(slots=True, kw_only=True)
class TripState:
    """Everything that the rules remember of one car."""

    seen: dict[str, Measured[str]] = field(default_factory=dict)
    """The newest value of each field of an observation, as a text."""
    drive_train: DriveTrain | None = None
    capacity_kwh: float | None = None
    odometer: Odometer = field(default_factory=Odometer)
    fixes: Fixes = field(default_factory=Fixes)
    tank: Tank = field(default_factory=Tank)
    parked: Measured[Coordinates] | None = None
    zone: Zone | None = None
    """The word for the newest position."""
    is_moving: bool | None = None
    is_ignition_on: bool | None = None
    door_closed_at: datetime | None = None
    is_plugged_in: bool | None = None
    is_charging: bool | None = None
    charged_at: datetime | None = None
    """The newest sign of a charge."""
    soc: Measured[float] | None = None
    fuel: Measured[float] | None = None
    ended_at: datetime | None = None
    """End of the last trip, also of one too short for a record."""
    open: OpenTrip | None = None
    last: LastTrip | None = None
    unproven: OpenTrip | None = None
    """The last trip, if nothing but words told of it: the odometer may prove it later."""
    reports_while_driving: bool = False
    """Learnt from the first trip that was reported so."""


def without_positions(state: dict[str, Any]) -> dict[str, Any]:
    """Return a state (JSON values) without a single coordinate; the words for places stay.

    The position of the parked car is learnt again from the next observation.
    """
    seen = {name: value for name, value in state["seen"].items() if name != "position"}
    return state | {
        "seen": seen,
        "fixes": {},
        "parked": None,
        "open": _without(state["open"], "position_from", "position_to", "track"),
        "unproven": _without(state["unproven"], "position_from", "position_to", "track"),
        "last": state["last"]
        and state["last"]
        | {"trip": _without(state["last"]["trip"], "position_from", "position_to", "track")},
        "tank": state["tank"] | {"last": _without(state["tank"]["last"], "position")},
    }


def _without(data: dict[str, Any] | None, *names: str) -> dict[str, Any] | None:
    return data and {name: value for name, value in data.items() if name not in names}
