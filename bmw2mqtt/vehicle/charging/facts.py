"""The input of the charging rules: the newest reading of each quantity, with its times."""

from dataclasses import dataclass, fields
from datetime import datetime
from math import asin, cos, radians, sin, sqrt
from typing import Generic, TypeVar

from bmw2mqtt.vehicle.charging.constants import FUTURE_TOLERANCE
from bmw2mqtt.vehicle.snapshot import ChargingStatus, DriveTrain, Position

T = TypeVar("T")
EARTH_RADIUS_M = 6_371_000


@dataclass(frozen=True, slots=True)
class Fact(Generic[T]):
    """A value with the time the car measured it and the time it reached us (both aware)."""

    value: T
    measured_at: datetime | None
    """`None`: it came without a stamp."""
    received_at: datetime

    @property
    def at(self) -> datetime:
        """When it holds: the measured time, or the arrival if that is missing or in the future."""
        measured_at = self.measured_at
        if measured_at is None or measured_at - self.received_at > FUTURE_TOLERANCE:
            return self.received_at
        return measured_at


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingFacts:
    """What is known of a vehicle once a burst of messages (or one answer) has settled.

    `None` means: nothing new. Readings that were passed before may be passed again; they are
    recognised by their time. A backend passes the newest reading of each quantity; if one burst
    brought several values of one quantity, it may pass them one after the other.
    """

    status: Fact[ChargingStatus] | None = None
    """See `words.status_of`. `INVALID` means BMW's UNKNOWN and INVALID."""
    is_plugged_in: Fact[bool | None] | None = None
    """The value `None`: the car reports that it does not know."""
    soc_percent: Fact[float] | None = None
    """What the car displays (header, or the displayed SoC of Neue Klasse)."""
    level_percent: Fact[float] | None = None
    """BMW's own forecast of the SoC (`charging.level`, REST only)."""
    power_w: Fact[float] | None = None
    """Power into the battery."""
    voltage_v: Fact[float] | None = None
    current_a: Fact[float] | None = None
    phases: Fact[int] | None = None
    target_percent: Fact[float] | None = None
    remaining_minutes: Fact[float] | None = None
    odometer_km: Fact[float] | None = None
    is_moving: Fact[bool] | None = None
    is_engine_on: Fact[bool] | None = None
    is_preconditioning: Fact[bool] | None = None
    """Whether the battery or the cabin is being heated or cooled."""
    position: Fact[Position] | None = None
    end_reason: Fact[str] | None = None
    """BMW's word for why the last charge ended; it stays until the next one."""
    is_dc: Fact[bool] | None = None
    """Whether it is direct current, if the car reports it."""
    capacity_kwh: float | None = None
    """Usable capacity of the battery, see `energy.usable_capacity_kwh`."""
    drive_train: DriveTrain | None = None
    is_report: bool = False
    """All stamps are the time of one report, not of each value's change (MyBMW)."""

    @property
    def has_engine(self) -> bool:
        """Whether it burns fuel, so that a rising SoC need not be a charge."""
        return self.drive_train is not None and self.drive_train.has_engine

    @property
    def can_charge(self) -> bool:
        """Whether it has a plug; assumed until its drive train is known."""
        return self.drive_train is None or self.drive_train.has_battery


MEASURED = tuple(
    field.name
    for field in fields(ChargingFacts)
    if field.name not in {"capacity_kwh", "drive_train", "is_report"}
)
"""The names of the fields that are readings."""


def distance_m(a: Position, b: Position) -> float:
    """Return the distance between two positions on the ground."""
    latitude_a, latitude_b = radians(a.latitude), radians(b.latitude)
    half_latitude = sin((latitude_b - latitude_a) / 2) ** 2
    half_longitude = sin(radians(b.longitude - a.longitude) / 2) ** 2
    chord = half_latitude + cos(latitude_a) * cos(latitude_b) * half_longitude
    return 2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(chord)))
