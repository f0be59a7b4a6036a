"""Sums per month: energy, distance, cost, consumption.

Distances come from the odometer, not from summed trips, and consumption is a sum divided by a sum:
a missed trip or charge spoils neither.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from bmw2mqtt.history.prices import effective_cost
from bmw2mqtt.history.queries import HistoryReader, Period, Row
from bmw2mqtt.history.records import ReadingRecord, RefuelRecord, SessionRecord, TripRecord
from bmw2mqtt.history.tables import time_of

EFFICIENCY: Final = {"ac": 0.93, "dc": 0.97}
"""Battery divided by grid energy (medians of public sessions)."""
LEAST_KM: Final = 50
"""Consumption over less is not shown."""
LEAST_FUEL_KM: Final = 200
PLAUSIBLE_KWH: Final = (5, 80)
PLAUSIBLE_L: Final = (1, 40)
GAP_S: Final = 86_400
"""Kilometres told of after a longer silence may belong to the month before."""

MARGIN_S: Final = 45 * 86_400
"""How far before a period the levels are looked up with which it began; more than a month."""
QUARTER_S: Final = 900
"""In all zones of the world the day changes at a full quarter of an hour (UTC)."""

Point = tuple[int, float]


@dataclass(slots=True, kw_only=True)
class PeriodSum:
    """One month (`2026-11`) of one car."""

    period: str
    charges: int = 0
    kwh: float = 0
    """From the grid."""
    kwh_home: float = 0
    kwh_battery: float = 0
    kwh_estimated: float = 0
    """The part of `kwh` that neither a meter nor BMW has told."""
    costs: dict[str, float] = field(default_factory=dict)
    """Per currency."""
    is_cost_partial: bool = False
    """Some energy has no price."""
    trips: int = 0
    trips_km: float = 0
    km: float = 0
    """By the odometer."""
    is_complete: bool = True
    """`False`: some of it may belong to a neighbouring period, or an energy is unknown."""
    kwh_per_100km: float | None = None
    refuels: int = 0
    litres: float = 0
    litres_per_100km: float | None = None


@dataclass(frozen=True, slots=True)
class _Data:
    sessions: list[Row[SessionRecord]]
    trips: list[Row[TripRecord]]
    refuels: list[Row[RefuelRecord]]
    readings: list[ReadingRecord]


def period_sums(
    reader: HistoryReader,
    vin: str,
    *,
    zone: tzinfo = UTC,
    currency: str = "EUR",
    period: Period | None = None,
) -> list[PeriodSum]:
    """Return the sums of one car per month, oldest first.

    The zone decides to which month something belongs whose place has no known one. The currency is
    that of the amounts that a person has entered. The first month of a period is whole.
    """
    period = period or Period()
    from_at = None if period.from_at is None else period.from_at - MARGIN_S
    span = Period(vin=vin, from_at=from_at, to_at=period.to_at)
    data = _Data(
        reader.sessions(span), reader.trips(span), reader.refuels(span), reader.readings(span)
    )
    label = _labels(zone)
    sums: dict[str, PeriodSum] = {}

    def of(name: str) -> PeriodSum:
        return sums.setdefault(name, PeriodSum(period=name))

    _add_sessions(data.sessions, of, label, currency)
    _add_trips(data.trips, of, label)
    _add_refuels(data.refuels, of, label)
    _add_distance(data, of, lambda at: label(at, None))
    car = reader.car(vin)
    _add_consumption(data, sums, lambda at: label(at, None), car.capacity_kwh if car else None)
    first = "" if period.from_at is None else label(period.from_at, None)
    return [sums[name] for name in sorted(sums) if name >= first]


def _labels(zone: tzinfo) -> Callable[[int, str | None], str]:
    known: dict[tuple[int, str | None], str] = {}

    def label(at: int, name: str | None) -> str:
        quarter = at // QUARTER_S, name
        if quarter not in known:
            known[quarter] = f"{datetime.fromtimestamp(at, local_zone(name, zone)):%Y-%m}"
        return known[quarter]

    return label


def local_zone(name: str | None, otherwise: tzinfo) -> tzinfo:
    """Return the zone of a record, or another where it is unknown."""
    try:
        return ZoneInfo(name) if name else otherwise
    except (ValueError, OSError, LookupError):
        return otherwise


def _battery_kwh(session: SessionRecord) -> float | None:
    """Return the energy that reached the battery."""
    if session.battery_kwh is not None:
        return session.battery_kwh
    if session.grid_kwh is None:
        return None
    return session.grid_kwh * EFFICIENCY.get(session.kind or "ac", EFFICIENCY["ac"])


def _add_sessions(
    rows: Iterable[Row[SessionRecord]],
    of: Callable[[str], PeriodSum],
    label: Callable[[int, str | None], str],
    currency: str,
) -> None:
    for row in rows:
        session = row.record
        total = of(label(time_of(session), session.time_zone))
        total.charges += 1
        kwh = session.grid_kwh
        if kwh is None:
            total.is_complete = False
            continue
        total.kwh += kwh
        total.kwh_battery += _battery_kwh(session) or 0
        total.kwh_home += kwh if session.zone == "home" else 0
        if session.energy_source not in {"meter", "bmw"}:
            total.kwh_estimated += kwh
        cost = effective_cost(row, currency)
        if cost is None or cost.is_partial:
            total.is_cost_partial = True
        if cost is not None:
            total.costs[cost.currency] = total.costs.get(cost.currency, 0) + cost.amount


def _add_trips(
    rows: Iterable[Row[TripRecord]],
    of: Callable[[str], PeriodSum],
    label: Callable[[int, str | None], str],
) -> None:
    for row in rows:
        total = of(label(row.record.end_at, row.record.time_zone))
        total.trips += 1
        total.trips_km += row.record.km or 0


def _add_refuels(
    rows: Iterable[Row[RefuelRecord]],
    of: Callable[[str], PeriodSum],
    label: Callable[[int, str | None], str],
) -> None:
    for row in rows:
        total = of(label(row.record.at, row.record.time_zone))
        total.refuels += 1
        total.litres += row.record.litres or 0


def _add_distance(data: _Data, of: Callable[[str], PeriodSum], label: Callable[[int], str]) -> None:
    before: Point | None = None
    for point in _odometer(data):
        if before is not None and point[1] > before[1]:
            first, last = label(before[0]), label(point[0])
            of(last).km += point[1] - before[1]
            if first != last and point[0] - before[0] > GAP_S:
                of(first).is_complete = of(last).is_complete = False
        if before is None or point[1] >= before[1]:
            before = point


def _odometer(data: _Data) -> list[Point]:
    points = [
        (reading.key, reading.odometer_km)
        for reading in data.readings
        if reading.odometer_km is not None
    ]
    for row in data.trips:
        trip = row.record
        if trip.odometer_end_km is not None:
            points.append((trip.end_at, trip.odometer_end_km))
        if trip.odometer_start_km is not None and trip.start_known and trip.start_at is not None:
            points.append((trip.start_at, trip.odometer_start_km))
    points += [
        (time_of(row.record), row.record.odometer_km)
        for row in data.sessions
        if row.record.odometer_km is not None
    ]
    return sorted(points)


def _add_consumption(
    data: _Data,
    sums: dict[str, PeriodSum],
    label: Callable[[int], str],
    capacity_kwh: float | None,
) -> None:
    """Energy charged (or fuel filled) plus what the level fell, divided by the distance."""
    socs = _socs(data)
    fuels = [(reading.key, reading.fuel_l) for reading in data.readings if reading.fuel_l]
    soc_falls = _falls(socs, label)
    fuel_falls = _falls(fuels, label)
    for name, total in sums.items():
        if not fuels and capacity_kwh is not None and name in soc_falls and total.is_complete:
            used = total.kwh_battery + soc_falls[name] * capacity_kwh / 100
            total.kwh_per_100km = _ratio(used, total.km, LEAST_KM, PLAUSIBLE_KWH)
        if name in fuel_falls and total.is_complete:
            used = total.litres + fuel_falls[name]
            total.litres_per_100km = _ratio(used, total.km, LEAST_FUEL_KM, PLAUSIBLE_L)


def _socs(data: _Data) -> list[Point]:
    points = [(reading.key, reading.soc) for reading in data.readings if reading.soc is not None]
    for row in data.sessions:
        session = row.record
        if session.soc_end is not None and session.end_at is not None:
            points.append((session.end_at, session.soc_end))
    points += [
        (row.record.end_at, row.record.soc_end)
        for row in data.trips
        if row.record.soc_end is not None
    ]
    return sorted(points)


def _falls(points: Iterable[Point], label: Callable[[int], str]) -> dict[str, float]:
    """Return how much a level fell in each period, from the last value before it to its last."""
    ends: dict[str, float] = {}
    starts: dict[str, float] = {}
    before: float | None = None
    for at, level in points:
        name = label(at)
        if name not in starts:
            starts[name] = level if before is None else before
        ends[name] = before = level
    return {name: starts[name] - ends[name] for name in ends}


def _ratio(
    amount: float, km: float, least_km: float, plausible: tuple[float, float]
) -> float | None:
    if km < least_km:
        return None
    value = amount / km * 100
    return round(value, 1) if plausible[0] <= value <= plausible[1] else None
