"""Reads what the page of a car shows of its past. It waits for the disk: for a thread."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from bmw2mqtt.history.queries import HistoryReader, Period, Row
from bmw2mqtt.history.records import ReadingRecord, SessionRecord, TripRecord
from bmw2mqtt.history.statistics import PeriodSum, period_sums

PAGE_ROWS: Final = 20
MOST_MONTHS: Final = 24
LAST_DAYS: Final = 14
DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One page of a car's past."""

    until: int = 0
    """The time that the last days end with."""
    readings: Sequence[ReadingRecord] = ()
    """Of the last days, oldest first."""
    months: Sequence[PeriodSum] = ()
    """Newest first."""
    charges: Sequence[Row[SessionRecord]] = ()
    has_more_charges: bool = False
    trips: Sequence[Row[TripRecord]] = ()
    has_more_trips: bool = False
    charges_page: int = 1
    trips_page: int = 1
    positions: int = 0
    """How many sessions, trips and refuelling have a position."""


def read_past(
    reader: HistoryReader,
    vin: str,
    *,
    zone: tzinfo,
    currency: str,
    now: int,
    charges_page: int = 1,
    trips_page: int = 1,
) -> Past:
    """Read one page of a car's past."""
    period = Period(vin=vin)
    last_days = Period(vin=vin, from_at=now - LAST_DAYS * DAY_S, to_at=now + 1)
    limit = PAGE_ROWS + 1
    charges = reader.sessions(period, limit=limit, offset=(charges_page - 1) * PAGE_ROWS)
    trips = reader.trips(period, limit=limit, offset=(trips_page - 1) * PAGE_ROWS)
    months = period_sums(reader, vin, zone=zone, currency=currency)
    return Past(
        until=now,
        readings=reader.readings(last_days),
        months=months[: -MOST_MONTHS - 1 : -1],
        charges=charges[:PAGE_ROWS],
        has_more_charges=len(charges) > PAGE_ROWS,
        trips=trips[:PAGE_ROWS],
        has_more_trips=len(trips) > PAGE_ROWS,
        charges_page=charges_page,
        trips_page=trips_page,
        positions=reader.position_count(vin),
    )


def thinned(readings: Sequence[ReadingRecord], seconds: int) -> list[ReadingRecord]:
    """Return the last reading of each stretch of time."""
    return list({reading.key // seconds: reading for reading in readings}.values())
