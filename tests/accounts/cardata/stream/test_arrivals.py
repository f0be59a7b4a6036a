"""What the stream brings of each car: kept over restarts; a hint when nothing arrives."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bmw2mqtt.accounts.cardata.stream.arrivals import StreamArrivals
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.accounts.store import Store

VIN, OTHER = "WBA00000000000001", "WBA00000000000002"
MILEAGE = "vehicle.vehicle.travelledDistance"
START = datetime(2026, 11, 28, 12, tzinfo=UTC)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time


def test_it_is_silent_a_day_after_the_login_until_something_arrives(tmp_path: Path) -> None:
    clock, state_file = Clock(), StateFile(Store(tmp_path), "eu")
    arrivals = StreamArrivals(clock)
    arrivals.restore(state_file)
    clock.time = START + timedelta(hours=10)
    arrivals.logged_in()
    clock.time += timedelta(hours=23)
    assert not arrivals.is_silent()
    clock.time += timedelta(hours=1)
    assert arrivals.is_silent()
    arrivals.record(VIN, ["vehicle.that.bmw.invented", MILEAGE], clock().date())
    assert not arrivals.is_silent()
    assert not arrivals.of(VIN).is_silent
    assert arrivals.of(OTHER).is_silent, "one of two cars may have nothing selected"
    arrivals.save(state_file)

    clock.time += timedelta(days=3)
    later = StreamArrivals(clock)
    later.restore(state_file)
    assert later.of(VIN).last == {MILEAGE: date(2026, 11, 29)}
    assert later.of(VIN).since == START.date()
    later.forget([OTHER])
    assert later.of(VIN).last == {}
