"""Prices from a topic: which samples are stored, and what a session costs by them."""

from datetime import UTC, datetime, timedelta

import pytest

from bmw2mqtt.history.price_log import PriceLog
from bmw2mqtt.history.recorder.options import Sources
from bmw2mqtt.history.records import PriceSample
from tests.history.recorder.recorded_car import RecordedCar, RecordedScenario
from tests.vehicle.charging.scenario import LAG, after

NOW = datetime(2026, 11, 10, 8, tzinfo=UTC)


def test_a_price_is_stored_when_it_changes_and_twice_a_day() -> None:
    log = PriceLog("EUR")
    assert log.renew(NOW) is None, "no price yet"
    sample = log.update(0.3, NOW)
    assert sample == PriceSample(key=int(NOW.timestamp()), price_per_kwh=0.3, currency="EUR")
    assert log.update(0.3, NOW + timedelta(hours=1)) is None
    assert log.update(0.2, NOW + timedelta(hours=2)) is not None
    assert log.renew(NOW + timedelta(hours=13)) is None
    assert log.renew(NOW + timedelta(hours=14)) is not None, "a price that stands stays valid"


def test_a_topic_that_sends_a_price_every_second_fills_no_disk() -> None:
    log = PriceLog("EUR")
    stored = {}
    for second in range(180):
        if sample := log.update(0.3 + second / 1000, NOW + timedelta(seconds=second)):
            stored[sample.key] = sample.price_per_kwh
    begin = int(NOW.timestamp())
    assert stored == {begin: 0.359, begin + 60: 0.419, begin + 120: pytest.approx(0.479)}
    found = log.between(begin, begin + 180)
    assert {sample.key: sample.price_per_kwh for sample in found} == stored


def test_samples_of_earlier_runs_come_first_and_old_ones_go() -> None:
    log = PriceLog("EUR")
    log.update(0.3, NOW)
    begin = int(NOW.timestamp())
    earlier = [
        PriceSample(key=begin - 7200, price_per_kwh=0.1, currency="EUR"),
        PriceSample(key=begin - 3600, price_per_kwh=9, currency="CHF"),
        PriceSample(key=begin + 3600, price_per_kwh=9, currency="EUR"),
    ]
    log.restore(earlier)
    found = log.between(begin - 100, begin + 9999)
    assert [(sample.key - begin, sample.price_per_kwh) for sample in found] == [
        (-7200, 0.1),
        (0, 0.3),
    ]
    log.forget(begin)
    assert [sample.key for sample in log.between(begin - 100, begin + 9999)] == [begin]


def charged(*prices: tuple[str, float], fixed: float | None = None) -> RecordedCar:
    """Return a charge at home from 0:00 to 2:00 at 7.8 kW, with a price from a time on."""
    log = PriceLog("EUR")
    recorder = {"sources": Sources(prices=log), "price_per_kwh": fixed}
    scenario = RecordedScenario(recorder=recorder)
    waiting = list(prices)
    for line in ("-0:29", "0:00 PL=C ST=act HD=40", "1:00 HD=50", "2:00 HD=60 ST=ended"):
        at = after(line.split()[0])
        while waiting and after(waiting[0][0]) <= at:
            moment, price = waiting.pop(0)
            log.update(price, after(moment) - LAG)
        scenario.wait(at)
        if " " in line:
            scenario.play(line)
    scenario.wait("2:05")
    return scenario.car


@pytest.mark.parametrize(
    ("prices", "fixed", "cost", "is_partial"),
    [
        ((("-0:29", 0.3),), None, 16.774 * 0.3, False),
        ((("-0:29", 0.3), ("1:00", 0.1)), None, 16.774 * 0.2, False),
        ((("-0:29", 0.3), ("1:00", -0.1)), None, 16.774 * 0.1, False),
        ((("1:00", 0.3),), None, 16.774 / 2 * 0.3, True),
        ((("1:00", 0.3),), 0.5, 16.774 / 2 * 0.8, False),
        ((), 0.5, 16.774 * 0.5, False),
    ],
    ids=["one", "two", "negative", "late", "late, then the fixed one", "fixed alone"],
)
def test_a_session_costs_what_was_sampled_while_energy_flowed(
    prices: tuple[tuple[str, float], ...], fixed: float | None, cost: float, *, is_partial: bool
) -> None:
    [row] = charged(*prices, fixed=fixed).sessions
    assert row.cost == pytest.approx(cost, rel=0.002)
    assert row.is_cost_partial == is_partial
    assert row.cost_source == ("sampled" if prices else "fixed")
