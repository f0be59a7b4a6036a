"""What is published of a car's history: its energy counters, the last charge and the last trip."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ChargingEvent(StrEnum):
    """Something that happened to a car's charging."""

    STARTED = "charging_started"
    ENDED = "charging_ended"
    NOT_CHARGING = "plugged_in_not_charging"


class TripEventType(StrEnum):
    """Something that happened on the road."""

    STARTED = "trip_started"
    ENDED = "trip_ended"
    REFUELLED = "refuelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeSummary:
    """A charging session that is over; `None` is unknown."""

    start: datetime | None
    end: datetime | None
    energy_kwh: float | None
    """From the grid."""
    soc_start: float | None = None
    soc_end: float | None = None
    kind: str | None = None
    """`ac`, `dc`."""
    peak_kw: float | None = None
    mean_kw: float | None = None
    """While it charged, not while it was only plugged in."""
    active_minutes: int | None = None
    source: str | None = None
    """Of the energy: `meter`, `bmw`, `measured`, `estimated`."""
    place: str | None = None
    """`home`, `elsewhere`."""
    cost: float | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TripSummary:
    """A trip that is over; `None` is unknown."""

    start: datetime | None
    start_known: bool
    end: datetime
    distance_km: float | None
    consumption_kwh_per_100km: float | None = None
    soc_start: float | None = None
    soc_end: float | None = None
    odometer_km: float | None = None


@dataclass(frozen=True, slots=True)
class DailyMinimum:
    """The lowest resting voltage of the 12 V battery on a day."""

    day: str
    """Local date, ISO 8601."""
    voltage_v: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery12VSummary:
    """What the last days' voltages of the 12 V battery tell."""

    resting_v: float
    """The newest voltage that was measured at rest."""
    resting_at: datetime
    days: tuple[DailyMinimum, ...]
    """Days with a resting voltage, oldest first; the last one may not be over."""
    is_low: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleHistory:
    """What is known of one car's past."""

    energy_kwh: float | None = None
    """Charged since the first run, from the grid's side; never falls."""
    energy_home_kwh: float | None = None
    """The same, at home; `None`: no home is configured."""
    estimated_share: float | None = None
    """How much of the energy is an estimate, from 0 to 1."""
    last_charge: ChargeSummary | None = None
    last_trip: TripSummary | None = None
    battery_12v: Battery12VSummary | None = None
    """What the voltages of the 12 V battery tell; `None`: no resting voltage is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """Something that has just begun or ended."""

    platform_key: str
    """`charging` or `trip`: the key of the event entity."""
    event_type: ChargingEvent | TripEventType
    attributes: dict[str, object]
