"""What the rules about trips read: the newest known values of one car, each with its time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from bmw2mqtt.vehicle.snapshot import DriveTrain
from bmw2mqtt.vehicle.trips.places import Coordinates

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Measured(Generic[T]):
    """A value, and when the car measured it (UTC)."""

    value: T
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TripEndBlock:
    """What BMW calls the end of a trip segment.

    It is repeated with old times, and some cars send one in mid-drive: a hint, not an end.
    """

    at: datetime
    odometer_km: float | None = None
    soc_percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """All that is known of one car once a burst has settled; `None` is unknown.

    Values that did not change may be repeated in every observation: only newer ones count.
    """

    received_at: datetime
    drive_train: DriveTrain | None = None
    capacity_kwh: float | None = None
    """Usable energy of a full battery."""
    odometer_km: Measured[float] | None = None
    is_moving: Measured[bool] | None = None
    is_ignition_on: Measured[bool] | None = None
    position: Measured[Coordinates] | None = None
    is_driver_door_open: Measured[bool] | None = None
    is_locked: Measured[bool] | None = None
    is_plugged_in: Measured[bool] | None = None
    is_charging: Measured[bool] | None = None
    trip_end: TripEndBlock | None = None
    soc_percent: Measured[float] | None = None
    fuel_l: Measured[float] | None = None
    fuel_percent: Measured[float] | None = None
