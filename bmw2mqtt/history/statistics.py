"""Sums per month: energy, distance, cost, consumption.

Distances come from the odometer, not from summed trips, and consumption is a sum divided by a sum:
a missed trip or charge spoils neither.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from bmw2mqtt.history.prices import effective_cost
from bmw2mqtt.history.queries import HistoryReader, Period, Row
from bmw2mqtt.history.records import ReadingRecord, SessionRecord, TripRecord
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
    months = _Months(zone)
    sessions, trips, readings = reader.sessions(span), reader.trips(span), reader.readings(span)
    _add_sessions(months, sessions, currency)
    for trip in trips:
        total = months.of(trip.record.end_at, trip.record.time_zone)
        total.trips += 1
        total.trips_km += trip.record.km or 0
    for refuel in reader.refuels(span):
        total = months.of(refuel.record.at, refuel.record.time_zone)
        total.refuels += 1
        total.litres += refuel.record.litres or 0
    _add_distance(months, _odometer(sessions, trips, readings))
    car = reader.car(vin)
    fuels = [(reading.key, reading.fuel_l) for reading in readings if reading.fuel_l]
    socs = _socs(sessions, trips, readings)
    _add_consumption(months, socs, fuels, car.capacity_kwh if car else None)
    first = "" if period.from_at is None else months.name(period.from_at)
    return [months.sums[name] for name in sorted(months.sums) if name >= first]


class _Months:
    """The sums of one car by month."""

    def __init__(self, zone: tzinfo) -> None:
        self.sums: dict[str, PeriodSum] = {}
        self._zone = zone
        self._names: dict[tuple[int, str | None], str] = {}

    def name(self, at: int, zone: str | None = None) -> str:
        """Return the month of a time in a zone, or in that of the bridge."""
        quarter = at // QUARTER_S, zone
        if quarter not in self._names:
            here = datetime.fromtimestamp(at, local_zone(zone, self._zone))
            self._names[quarter] = f"{here:%Y-%m}"
        return self._names[quarter]

    def of(self, at: int, zone: str | None = None) -> PeriodSum:
        """Return the sums of that month."""
        name = self.name(at, zone)
        return self.sums.setdefault(name, PeriodSum(period=name))


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


def _add_sessions(months: _Months, rows: Iterable[Row[SessionRecord]], currency: str) -> None:
    for row in rows:
        session = row.record
        total = months.of(time_of(session), session.time_zone)
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


def _add_distance(months: _Months, points: Iterable[Point]) -> None:
    before: Point | None = None
    for point in points:
        if before is not None and point[1] > before[1]:
            first, last = months.name(before[0]), months.of(point[0])
            last.km += point[1] - before[1]
            if first != last.period and point[0] - before[0] > GAP_S:
                months.of(before[0]).is_complete = last.is_complete = False
        if before is None or point[1] >= before[1]:
            before = point


def _odometer(
    sessions: Iterable[Row[SessionRecord]],
    trips: Iterable[Row[TripRecord]],
    readings: Iterable[ReadingRecord],
) -> list[Point]:
    points = [(r.key, r.odometer_km) for r in readings if r.odometer_km is not None]
    for trip in (row.record for row in trips):
        if trip.odometer_end_km is not None:
            points.append((trip.end_at, trip.odometer_end_km))
        if trip.odometer_start_km is not None and trip.start_known and trip.start_at is not None:
            points.append((trip.start_at, trip.odometer_start_km))
    points += [
        (time_of(row.record), row.record.odometer_km)
        for row in sessions
        if row.record.odometer_km is not None
    ]
    return sorted(points)


def _add_consumption(
    months: _Months, socs: list[Point], fuels: list[Point], capacity_kwh: float | None
) -> None:
    """Energy charged (or fuel filled) plus what the level fell, divided by the distance."""
    soc_falls, fuel_falls = _falls(months, socs), _falls(months, fuels)
    for name, total in months.sums.items():
        if not fuels and capacity_kwh is not None and name in soc_falls and total.is_complete:
            used = total.kwh_battery + soc_falls[name] * capacity_kwh / 100
            total.kwh_per_100km = _ratio(used, total.km, LEAST_KM, PLAUSIBLE_KWH)
        if name in fuel_falls and total.is_complete:
            used = total.litres + fuel_falls[name]
            total.litres_per_100km = _ratio(used, total.km, LEAST_FUEL_KM, PLAUSIBLE_L)


def _socs(
    sessions: Iterable[Row[SessionRecord]],
    trips: Iterable[Row[TripRecord]],
    readings: Iterable[ReadingRecord],
) -> list[Point]:
    points = [(reading.key, reading.soc) for reading in readings if reading.soc is not None]
    points += [
        (record.end_at, record.soc_end)
        for record in (row.record for rows in (sessions, trips) for row in rows)
        if record.soc_end is not None and record.end_at is not None
    ]
    return sorted(points)


def _falls(months: _Months, points: Iterable[Point]) -> dict[str, float]:
    """Return how much a level fell in each month, from the last value before it to its last."""
    ends: dict[str, float] = {}
    starts: dict[str, float] = {}
    before: float | None = None
    for at, level in points:
        name = months.name(at)
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
