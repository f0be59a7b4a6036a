"""Sums per day and month, prices, and a whole year against its truth."""

import time
from contextlib import closing
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from bmw2mqtt.history import edits
from bmw2mqtt.history.database import HistoryDatabase, open_for_reading
from bmw2mqtt.history.prices import Cost, cost_of
from bmw2mqtt.history.queries import HistoryReader, Period
from bmw2mqtt.history.records import (
    BlockRecord,
    CarRecord,
    PriceSample,
    ReadingRecord,
    RefuelRecord,
)
from bmw2mqtt.history.statistics import period_sums
from tests.history.samples import VIN, session, simulated_year, stamp, trip

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def database(tmp_path):
    database = HistoryDatabase(tmp_path / "history.db")
    database.open()
    yield database
    database.close()


def sums(database, **options):
    return period_sums(HistoryReader(database.connection), VIN, **options)


def test_a_simulated_year_is_small_fast_and_true(database):
    year = simulated_year()
    assert (len(year.sessions), len(year.trips)) == (330, 1100)
    database.write([*year.sessions, *year.trips, *year.readings])
    database.write([CarRecord(vin=VIN, capacity_kwh=78)])
    database.write([*year.sessions, *year.trips])  # an import of everything changes nothing
    database.checkpoint()
    assert database.path.stat().st_size < 5_000_000
    with closing(open_for_reading(database.path)) as connection:
        begin = time.perf_counter()
        months = period_sums(HistoryReader(connection), VIN, zone=BERLIN)
        assert time.perf_counter() - begin < 1, "a rough limit: the bench has the exact one"
    assert sum(month.charges for month in months) == 330
    assert sum(month.trips for month in months) == 1100
    assert sum(month.kwh for month in months) == pytest.approx(year.grid_kwh)
    assert sum(month.km for month in months) == year.km
    assert sum(month.trips_km for month in months) == year.km
    assert {month.period: month.kwh for month in months} == pytest.approx(year.month_kwh)
    assert {month.period: month.km for month in months} == year.month_km
    consumption = [month.kwh_per_100km for month in months]
    assert consumption == pytest.approx([18.0] * 12, abs=0.2)


def test_months_are_those_of_the_place(database):
    late = session("2026-03-31T22:30", time_zone="Europe/Berlin")  # 00:30 on 1 April there
    database.write([late, trip("2026-03-31T22:30", time_zone="America/New_York")])
    assert [(one.period, one.charges, one.trips) for one in sums(database)] == [
        ("2026-03", 0, 1),
        ("2026-04", 1, 0),
    ]


def test_an_unknown_zone_is_that_of_the_bridge(database):
    database.write([session("2026-03-31T22:30", time_zone="Mars/Olympus")])
    assert [one.period for one in sums(database, zone=BERLIN)] == ["2026-04"]
    assert [one.period for one in sums(database, zone=UTC)] == ["2026-03"]


def test_a_missed_trip_is_in_the_distance_and_does_not_spoil_the_consumption(database):
    readings = [
        ReadingRecord(vin=VIN, key=stamp("2026-03-01T08:00"), odometer_km=1000, soc=80),
        ReadingRecord(vin=VIN, key=stamp("2026-03-01T20:00"), odometer_km=1200, soc=40),
        ReadingRecord(vin=VIN, key=stamp("2026-03-02T06:00"), odometer_km=1200, soc=80),
    ]
    charge = session("2026-03-01T21:00", battery_kwh=31.2, soc_start=40, soc_end=80)
    database.write([*readings, charge, trip("2026-03-01T09:00", km=20)])
    database.write([CarRecord(vin=VIN, capacity_kwh=78)])
    [march] = sums(database)
    assert (march.km, march.trips_km) == (200, 20)
    assert march.kwh_per_100km == 15.6


def test_last_months_kilometres_are_not_this_months_and_a_long_silence_is_named(database):
    times = {"2026-02-28T20:00": 1000, "2026-03-01T00:30": 1000, "2026-03-31T09:00": 1030}
    times |= {"2026-04-06T09:00": 1500}
    database.write(
        [ReadingRecord(vin=VIN, key=stamp(at), odometer_km=km) for at, km in times.items()]
    )
    months = {one.period: (one.km, one.is_complete) for one in sums(database)}
    assert months == {"2026-03": (30, False), "2026-04": (470, False)}


def test_a_month_alone_has_the_kilometres_that_it_has_among_others(database):
    times = {"2026-02-28T20:00": 1000, "2026-03-01T09:00": 1030, "2026-03-31T09:00": 1500}
    times |= {"2026-04-01T09:00": 1510}
    database.write(
        [ReadingRecord(vin=VIN, key=stamp(at), odometer_km=km) for at, km in times.items()]
    )
    march = Period(from_at=stamp("2026-03-01T00:00"), to_at=stamp("2026-04-01T00:00"))
    assert [(one.period, one.km) for one in sums(database, period=march)] == [("2026-03", 500)]


def test_no_consumption_of_a_few_kilometres_of_unknown_energy_or_of_mixed_driving(database):
    def write(km, fuel=None, **charge):
        database.connection.execute("DELETE FROM reading")
        ends = (("2026-03-01T08:00", 0, 80), ("2026-03-20T08:00", km, 40))
        database.write(
            [
                ReadingRecord(vin=VIN, key=stamp(at), odometer_km=1000 + way, soc=soc, fuel_l=fuel)
                for at, way, soc in ends
            ]
        )
        database.write([CarRecord(vin=VIN, capacity_kwh=78), session(**charge)])
        [march] = sums(database)
        return march.kwh_per_100km

    assert write(300) is not None
    assert write(49) is None
    assert write(300, fuel=30) is None
    assert write(300, grid_kwh=None, battery_kwh=None) is None
    assert write(30_000) is None, "one kilowatt-hour per 100 km"


def test_litres_per_100_km_over_a_month(database):
    levels = (("2026-03-01T08:00", 1000, 40), ("2026-03-30T08:00", 2000, 30))
    database.write(
        [
            ReadingRecord(vin=VIN, key=stamp(at), odometer_km=km, fuel_l=fuel)
            for at, km, fuel in levels
        ]
    )
    at = stamp("2026-03-10T08:00")
    database.write([RefuelRecord(vin=VIN, key=at, at=at, litres=50)])
    [march] = sums(database)
    assert (march.refuels, march.litres, march.litres_per_100km) == (1, 50, 6.0)


def test_currencies_are_never_added_and_a_missing_price_is_named(database):
    database.write(
        [
            session("2026-03-02T18:00", cost=5.0, currency="EUR"),
            session("2026-03-03T18:00", cost=7.0, currency="CHF"),
            session("2026-03-04T18:00"),
        ]
    )
    [march] = sums(database)
    assert march.costs == {"EUR": 5, "CHF": 7}
    assert march.is_cost_partial
    for day, change in (("04", {"user_cost": 2.5}), ("02", {"user_price_per_kwh": 0.5})):
        key = stamp(f"2026-03-{day}T18:00")
        edits.edit(database.connection, "session", VIN, key, change, 1)
    [march] = sums(database)
    assert march.costs == pytest.approx({"EUR": 2.5 + 0.5 * 16.77, "CHF": 7})
    assert not march.is_cost_partial


def price(charge, samples=(), fixed=None):
    return cost_of(charge, price_per_kwh=fixed, currency="EUR", samples=samples)


def sample(time: str, amount: float, currency: str = "EUR") -> PriceSample:
    return PriceSample(key=stamp(time), price_per_kwh=amount, currency=currency)


def test_a_fixed_price_counts_at_home_only_and_nothing_before_one_is_set():
    assert price(session(grid_kwh=10), fixed=0.3) == Cost(amount=3, currency="EUR", source="fixed")
    assert price(session(grid_kwh=10)) is None
    assert price(session(grid_kwh=10, zone="elsewhere"), fixed=0.3) is None
    assert price(session(grid_kwh=10, kind="dc"), fixed=0.3) is None
    assert price(session(grid_kwh=None), fixed=0.3) is None
    assert price(session(grid_kwh=10, zone=None), fixed=0.3).amount == 3, "no home is configured"


def test_prices_are_weighted_with_the_energy_that_flowed():
    six, seven, nine = (stamp(f"2026-03-02T{hour}:00") for hour in ("18", "19", "21"))
    blocks = (
        BlockRecord(start_at=six, end_at=seven, kwh=3),
        BlockRecord(start_at=nine, end_at=nine + 3600, kwh=9),
    )
    charge = session(grid_kwh=12.9, blocks=blocks)
    samples = [sample("2026-03-02T12:00", 0.4), sample("2026-03-02T20:00", 0.2)]
    cost = price(charge, samples, fixed=9)
    assert cost.amount == pytest.approx((3 * 0.4 + 9 * 0.2) * 12.9 / 12)
    assert (cost.source, cost.is_partial) == ("sampled", False)


def test_energy_without_a_price_makes_the_cost_partial():
    late = price(session(grid_kwh=8), [sample("2026-03-02T20:00", 0.5)])
    assert late == Cost(amount=2, currency="EUR", source="sampled", is_partial=True)
    nearly = price(session(grid_kwh=8), [sample("2026-03-02T18:06", 0.5)])
    assert not nearly.is_partial
    old = price(session(grid_kwh=8), [sample("2026-02-20T20:00", 0.5)], fixed=0.25)
    assert (old.amount, old.source) == (2, "fixed")
    assert price(session(grid_kwh=8), [sample("2026-03-02T12:00", 0.5, "CHF")]) is None
