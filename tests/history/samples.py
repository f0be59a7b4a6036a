"""Rows for tests, and a year of them whose sums are known."""

import random
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bmw2mqtt.history.records import (
    BlockRecord,
    CurvePoint,
    ReadingRecord,
    SessionRecord,
    TripRecord,
)
from bmw2mqtt.history.tables import COLUMNS, record_from

VIN = "WBA00000000DEMO01"
START = datetime(2026, 1, 1, tzinfo=UTC)


def stamp(text: str) -> int:
    """Return the epoch second of an ISO time (UTC)."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def session(start: str = "2026-03-02T18:00", minutes: int = 240, **values) -> SessionRecord:
    start_at = stamp(start)
    given = {
        "vin": VIN,
        "key": start_at,
        "start_at": start_at,
        "end_at": start_at + minutes * 60,
        "time_zone": "Europe/Berlin",
        "soc_start": 40,
        "soc_end": 60,
        "battery_kwh": 15.6,
        "grid_kwh": 16.77,
        "energy_source": "estimated",
        "kind": "ac",
        "zone": "home",
    }
    return SessionRecord(**given | values)


def trip(end: str = "2026-03-02T08:00", minutes: int = 30, km: float = 25, **values) -> TripRecord:
    end_at = stamp(end)
    given = {
        "vin": VIN,
        "key": end_at - minutes * 60,
        "start_at": end_at - minutes * 60,
        "start_known": True,
        "end_at": end_at,
        "time_zone": "Europe/Berlin",
        "km": km,
        "distance_source": "odometer",
        "zone_from": "home",
        "zone_to": "elsewhere",
    }
    return TripRecord(**given | values)


def every_session(connection: sqlite3.Connection) -> list[SessionRecord]:
    """Return all sessions, failed ones too, newest first."""
    names = ", ".join(COLUMNS[SessionRecord])
    rows = connection.execute(f"SELECT {names} FROM session ORDER BY start_at DESC, key DESC")  # noqa: S608
    return [record_from(SessionRecord, row) for row in rows]


def count(connection: sqlite3.Connection, table: str) -> int:
    return connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]  # noqa: S608


@dataclass
class Year:
    """An electric car's year."""

    sessions: list[SessionRecord] = field(default_factory=list)
    trips: list[TripRecord] = field(default_factory=list)
    readings: list[ReadingRecord] = field(default_factory=list)
    grid_kwh: float = 0
    km: float = 0
    month_kwh: dict[str, float] = field(default_factory=dict)
    month_km: dict[str, float] = field(default_factory=dict)


def simulated_year(charges: int = 330, trips: int = 1100, capacity: float = 78) -> Year:
    """Return a year: three or four trips a day, a charge on most days, all in daylight of UTC."""
    dice = random.Random(1)
    year, odometer, soc, done, charged = Year(), 10_000.0, 80.0, 0, 0
    for day in range(365):
        midnight = START + timedelta(days=day)
        month = f"{midnight:%Y-%m}"
        due = round(trips * (day + 1) / 365) - done
        for number in range(due):
            km = float(dice.randint(2, 25))
            start = midnight + timedelta(hours=6 + number * 2, minutes=dice.randint(0, 40))
            end = start + timedelta(minutes=km * 1.5 + 3)
            used = km * 0.18 / capacity * 100
            year.trips.append(_drive(start, end, odometer, km, soc, soc - used))
            odometer, soc = odometer + km, soc - used
            year.km += km
            year.month_km[month] = year.month_km.get(month, 0) + km
            year.readings.append(_reading(end, odometer, soc))
        done += due
        wanted = round(charges * (day + 1) / 365) - charged
        if wanted:
            charged += wanted
            charge = _charge(midnight + timedelta(hours=17), soc, capacity, odometer, charged)
            year.sessions.append(charge)
            soc = 80.0
            year.grid_kwh += charge.grid_kwh
            year.month_kwh[month] = year.month_kwh.get(month, 0) + charge.grid_kwh
            year.readings.append(_reading(midnight + timedelta(hours=22), odometer, soc))
    return year


def _reading(time: datetime, odometer: float, soc: float) -> ReadingRecord:
    key = int(time.timestamp())
    return ReadingRecord(vin=VIN, key=key, odometer_km=odometer, soc=soc, range_km=soc * 4)


def _drive(start, end, odometer, km, soc_start, soc_end) -> TripRecord:
    return trip(
        f"{end:%Y-%m-%dT%H:%M}",
        int((end - start).total_seconds() // 60),
        km,
        odometer_start_km=odometer,
        odometer_end_km=odometer + km,
        soc_start=soc_start,
        soc_end=soc_end,
        kwh=round(km * 0.18, 2),
        kwh_per_100km=18.0,
    )


def _charge(start: datetime, soc: float, capacity: float, odometer: float, number: int):
    """Return a charge to 80 %: every tenth in 72 blocks, as with solar power."""
    battery = max(0.0, (80 - soc) / 100 * capacity)
    count = 72 if number % 10 == 0 else 2
    begin, step = int(start.timestamp()), 4 * 3600 // count
    blocks = tuple(
        BlockRecord(
            start_at=begin + index * step,
            end_at=begin + index * step + step - 130,
            kwh=battery / 0.93 / count,
            mean_kw=3.6,
        )
        for index in range(count)
    )
    curve = tuple(
        CurvePoint(at=begin + index * 120, soc=soc + (80 - soc) * index / 119, power_kw=3.6)
        for index in range(120)
    )
    return session(
        f"{start:%Y-%m-%dT%H:%M}",
        240,
        soc_start=soc,
        soc_end=80,
        battery_kwh=battery,
        grid_kwh=battery / 0.93,
        odometer_km=odometer,
        blocks=blocks,
        curve=curve,
    )
