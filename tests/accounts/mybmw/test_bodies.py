"""Each recorded car polled twice, with an older answer in between: the same topics."""

from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.fixture_cars import fixture_car, fixture_cars

pytestmark = pytest.mark.no_cover

OLDER: dict[str, Any] = {
    "currentMileage": 7,
    "range": 7,
    "checkControlMessages": [{"type": "ENGINE_OIL", "severity": "HIGH"}],
    "requiredServices": [],
    "climateControlState": {"activity": "COOLING", "remainingSeconds": 900},
    "combustionFuelLevel": {"range": 7, "remainingFuelLiters": 7, "remainingFuelPercent": 7},
    "doorsState": {"combinedSecurityState": "UNLOCKED", "hood": "OPEN", "leftFront": "OPEN"},
    "windowsState": {"leftFront": "OPEN"},
    "location": {"coordinates": {"latitude": 1.5, "longitude": 2.5}, "heading": 7},
    "tireState": {},
    "electricChargingState": {
        "chargingStatus": "CHARGING",
        "chargingLevelPercent": 7,
        "chargingTarget": 70,
        "isChargerConnected": True,
        "range": 7,
        "remainingChargingMinutes": 700,
    },
}


@pytest.mark.parametrize("vin", [car.vin for car in fixture_cars()])
async def test_an_older_answer_between_two_polls_changes_nothing(watch: Any, vin: str) -> None:
    car = fixture_car(vin)
    watched = await watch(car)
    await watched.poll()
    expected = watched.consumer.car(vin)
    newest = deepcopy(car.state_data["state"])
    reported_at = datetime.fromisoformat(newest["lastUpdatedAt"])
    if reported_at.year > 1:  # else the car never reported
        older = {"lastUpdatedAt": (reported_at - timedelta(hours=1)).isoformat()}
        car.state_data["state"] = newest | OLDER | older
        await watched.poll()
        assert watched.consumer.car(vin) == expected
    car.state_data["state"] = newest
    await watched.poll()
    assert watched.consumer.car(vin) == expected
