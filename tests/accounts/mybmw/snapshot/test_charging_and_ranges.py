"""What is worked out of BMW's answers: when charging begins and ends, how far the car goes."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bmw2mqtt.accounts.mybmw.snapshot.responses import ReportTrackers
from tests.accounts.mybmw.snapshot.conversion import NOON, convert_car
from tests.accounts.mybmw.snapshot.leaves import shown
from tests.fixture_cars import fixture_car

IX, X3, M340 = "WBA00000000DEMO01", "WBA00000000DEMO04", "WBA00000000DEMO03"
REX, I3 = "WBY00000000REXI01", "WBY000000NOREXI01"


def test_charging_end_time_does_not_jitter() -> None:
    car, trackers = fixture_car(IX), ReportTrackers()
    end = NOON + timedelta(minutes=10)
    state, vehicle = car.state_data["state"], None
    for seconds in range(0, 600, 45):  # the car has not reported anew
        moment = NOON + timedelta(seconds=seconds)
        vehicle = convert_car(car, vehicle, moment, trackers)
        assert vehicle.charging.end_time == end
    for minutes, left in ((3, 8), (5, 4), (8, 3), (12, 0)):  # it has, in rounded minutes
        state["lastUpdatedAt"] = f"2023-06-22T10:{30 + minutes}:00Z"
        state["electricChargingState"]["remainingChargingMinutes"] = left
        moment = NOON + timedelta(minutes=minutes)
        vehicle = convert_car(car, vehicle, moment, trackers)
        assert vehicle.charging.end_time == end
    state["lastUpdatedAt"] = "2023-06-22T10:43:00Z"
    state["electricChargingState"]["remainingChargingMinutes"] = 60
    vehicle = convert_car(car, vehicle, NOON + timedelta(minutes=14), trackers)
    assert vehicle.charging.end_time == NOON + timedelta(minutes=73), "of the report"


@pytest.mark.parametrize(
    ("zone", "fetched_at", "start"),
    [
        ("UTC", NOON, "2023-06-22T18:01+00:00"),
        ("America/Los_Angeles", NOON, "2023-06-22T18:01-07:00"),
        ("Europe/Berlin", NOON, "2023-06-22T18:01+02:00"),
        ("Asia/Tokyo", NOON, "2023-06-23T18:01+09:00"),  # there it is 19:30: tomorrow
        ("Europe/Berlin", datetime(2023, 10, 28, 17, tzinfo=UTC), "2023-10-29T18:01+01:00"),
    ],
)
def test_charging_start_time_is_local(
    monkeypatch: pytest.MonkeyPatch, zone: str, fetched_at: datetime, start: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        vehicle = convert_car(fixture_car(REX), fetched_at=fetched_at)
    time.tzset()
    assert vehicle.charging.start_time == datetime.fromisoformat(start)


@pytest.mark.parametrize(
    ("vin", "fuel_km", "electric_km", "total", "electric", "fuel"),
    [
        (X3, 476, 40, "476", "40", "436"),  # what BMW calls fuel is the total
        (X3, 476, None, "476", "None", "None"),
        (X3, None, 40, "None", "40", "None"),
        (X3, 30, 40, "30", "40", "0"),
        (REX, 105, 174, "279", "174", "105"),
        (REX, 105, None, "None", "None", "105"),
        (REX, None, 174, "None", "174", "None"),
        (I3, 0, 279, "279", "279", None),
        (I3, 0, None, "None", "None", None),
        (M340, 629, None, "629", None, "629"),
        (M340, None, None, "None", None, "None"),
    ],
)
def test_range_rules(
    vin: str, fuel_km: Any, electric_km: Any, total: str, electric: str | None, fuel: str | None
) -> None:
    car = fixture_car(vin)
    car.state_data["state"].setdefault("electricChargingState", {})["range"] = electric_km
    car.state_data["state"]["combustionFuelLevel"]["range"] = fuel_km
    entities = shown(convert_car(car))
    keys = ("total", "electric", "fuel")
    values = [entities.get(f"sensor_remaining_range_{key}", (None, None))[0] for key in keys]
    assert values == [total, electric, fuel]
