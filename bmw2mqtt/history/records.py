"""The rows of the history, as plain values.

Times are UTC epoch seconds. `key` is the identity of a row within a car: writing a row of the same
key again changes it. What a person edits (`UserFields`) is not part of a row: no row overwrites it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRecord:
    """A stretch of charging without a pause."""

    start_at: int
    end_at: int
    kwh: float | None = None
    mean_kw: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """State of charge and power at a moment of a charge."""

    at: int
    soc: float | None = None
    power_kw: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """One charging session: everything between plugging in and unplugging."""

    vin: str
    key: int
    """Epoch second of the begin as it was first known; it stays when `start_at` is corrected."""
    start_at: int | None = None
    """Of the first block; `None`: nobody saw it begin."""
    start_source: str | None = None
    start_accuracy_s: int | None = None
    end_at: int | None = None
    """Of the last block."""
    end_source: str | None = None
    plugged_at: int | None = None
    unplugged_at: int | None = None
    time_zone: str | None = None
    """IANA name of the zone of the place."""
    soc_start: float | None = None
    soc_end: float | None = None
    battery_kwh: float | None = None
    grid_kwh: float | None = None
    energy_source: str | None = None
    """`meter`, `bmw`, `measured`, `estimated`."""
    kind: str | None = None
    """`ac`, `dc`."""
    peak_kw: float | None = None
    mean_kw: float | None = None
    active_s: int | None = None
    gap_s: int | None = None
    odometer_km: float | None = None
    meter_start_kwh: float | None = None
    meter_end_kwh: float | None = None
    zone: str | None = None
    """`home`, `elsewhere`."""
    place: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    cost: float | None = None
    currency: str | None = None
    cost_source: str | None = None
    """`fixed`, `sampled`, `bmw`."""
    is_cost_partial: bool = False
    status: str | None = None
    is_hidden: bool = False
    """Not in the default list: it failed, or nothing was charged."""
    flags: str = ""
    """Words, separated by spaces: `late_start interrupted inferred preconditioning`."""
    bmw_start: int | None = None
    """Key of BMW's own record of it."""
    blocks: tuple[BlockRecord, ...] = ()
    curve: tuple[CurvePoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TripRecord:
    """One trip."""

    vin: str
    key: int
    start_at: int | None = None
    start_known: bool = False
    end_at: int
    end_source: str | None = None
    time_zone: str | None = None
    km: float | None = None
    distance_source: str | None = None
    odometer_start_km: float | None = None
    odometer_end_km: float | None = None
    soc_start: float | None = None
    soc_end: float | None = None
    kwh: float | None = None
    kwh_per_100km: float | None = None
    fuel_start_l: float | None = None
    fuel_end_l: float | None = None
    litres: float | None = None
    zone_from: str | None = None
    zone_to: str | None = None
    from_latitude: float | None = None
    from_longitude: float | None = None
    to_latitude: float | None = None
    to_longitude: float | None = None
    track: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuelRecord:
    """One filling of the tank."""

    vin: str
    key: int
    at: int
    not_before: int | None = None
    time_zone: str | None = None
    before_l: float | None = None
    after_l: float | None = None
    before_percent: float | None = None
    after_percent: float | None = None
    litres: float | None = None
    odometer_km: float | None = None
    litres_per_100km: float | None = None
    zone: str | None = None
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BmwRecord:
    """BMW's own record of a charging session, as it came: rules improve, it is derived again."""

    vin: str
    key: int
    """BMW's start time."""
    json: str
    fetched_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CarRecord:
    """A car's counters of charged energy: they never fall, whatever is deleted."""

    vin: str
    key: int = 0
    counter_kwh: float = 0
    carry_kwh: float = 0
    counter_home_kwh: float = 0
    carry_home_kwh: float = 0
    estimated_kwh: float = 0
    """How much of the counted energy is an estimate."""
    since_at: int | None = None
    """Charges before this time are in no counter."""
    capacity_kwh: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenState:
    """What the rules about `kind` (`charging`, `trips`) remember of a car, as JSON."""

    vin: str
    kind: str
    json: str
    updated_at: int
    key: int = 0

    @classmethod
    def of(cls, vin: str, kind: str, document: Any, now: datetime) -> Self:
        """Return it with a document that is not JSON yet."""
        text = json.dumps(document, separators=(",", ":"))
        return cls(vin=vin, kind=kind, json=text, updated_at=int(now.timestamp()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingRecord:
    """What a car reported at a moment: for plots of the last days, and for monthly distances."""

    vin: str
    key: int
    """When it was measured."""
    odometer_km: float | None = None
    soc: float | None = None
    range_km: float | None = None
    fuel_l: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSample:
    """A price per kWh from this time on, of all cars (`vin` is empty)."""

    key: int
    price_per_kwh: float
    currency: str
    vin: str = ""


Record = (
    SessionRecord
    | TripRecord
    | RefuelRecord
    | BmwRecord
    | CarRecord
    | OpenState
    | ReadingRecord
    | PriceSample
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFields:
    """What a person has entered for a session, trip or refuelling; `None` is nothing."""

    user_price_per_kwh: float | None = None
    user_cost: float | None = None
    """In the currency of the history."""
    user_label: str | None = None
    user_class: str | None = None
    """For trips: `private`, `business`, `commute`."""
    user_note: str | None = None


USER_FIELDS: Final = tuple(field.name for field in fields(UserFields))


def identity(record: Record) -> tuple[type[Record], str, int, str]:
    """Return what makes two records the same row."""
    kind = record.kind if isinstance(record, OpenState) else ""
    return type(record), record.vin, record.key, kind


def second(at: datetime | None) -> int | None:
    """Return a time as rows have it."""
    return None if at is None else int(at.timestamp())


def latest(records: Iterable[Record]) -> list[Record]:
    """Return only the newest version of each row, in the order of arrival."""
    return list({identity(record): record for record in records}.values())
