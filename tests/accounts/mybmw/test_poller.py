"""The poller between two polls."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bmw2mqtt.accounts.mybmw import poller
from tests.accounts.waiting import until
from tests.fixture_cars import fixture_car

IX = "WBA00000000DEMO01"


async def test_found_position_stays_when_time_changes_the_snapshot(
    watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "FOLLOW_EVERY_S", 0.01)
    watched = await watch(fixture_car(IX))
    await watched.poll()
    vehicles = watched.account._poller
    car = vehicles.vehicles[IX]
    now = datetime.now(UTC)
    car.library.vehicle_location.remote_service_position = {
        "latitude": 52.52,
        "longitude": 13.405,
        "heading": 77,
        "timestamp": now,
    }
    vehicles.report_found_position(car)
    car.next_change_at = now
    await until(lambda: car.next_change_at != now)
    attributes = watched.consumer.attributes(IX, "device_tracker/location")
    assert (attributes["latitude"], attributes["direction"]) == (52.52, 77)
