"""A simulated car of the app API charges for an evening, and is polled: what is shown is right."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import pytest

from bmw2mqtt.simulator.driving import ELECTRIC, TIME_LAPSE
from bmw2mqtt.simulator.mybmw import DrivingCar
from bmw2mqtt.simulator.tls import Certificates
from tests import virtual_time
from tests.accounts.mybmw.simulated_day import simulated_day

pytestmark = pytest.mark.no_cover

MODEL = replace(
    ELECTRIC, initial_minute=82.0, battery=replace(ELECTRIC.battery, initial_percent=73.5)
)
"""It comes home, is plugged in in minute 2, charges from minute 5 on, is unplugged in minute 70."""
POLL_S = 60
STATUS, PLUG = "sensor/charging_status", "binary_sensor/connection_status"
SOC, REMAINING = "sensor/remaining_battery_percent", "sensor/charging_time_remaining"


def test_an_evening_at_home(certificates: Certificates, tmp_path: Path) -> None:
    seen: list[dict[str, str]] = []

    async def main() -> None:
        async with simulated_day(certificates, tmp_path) as day:
            car = DrivingCar(MODEL, clock=lambda: datetime.now(UTC), speed=1 / TIME_LAPSE)
            day.user.cars = [car]
            async with day.running(poll_interval=POLL_S):
                await day.until("ok", timedelta(minutes=1))
                await asyncio.sleep(POLL_S / 2)  # look between the polls
                for _ in range(72):
                    seen.append(day.watcher.car(car.vin))
                    await asyncio.sleep(POLL_S)

    virtual_time.run(main)
    assert [status for status, _ in groupby(shown[STATUS] for shown in seen)] == [
        "not_charging",
        "plugged_in",
        "charging",
        "target_reached",
        "not_charging",
    ]
    assert [plug for plug, _ in groupby(shown[PLUG] for shown in seen)] == ["OFF", "ON", "OFF"]
    plugged_in = [shown for shown in seen if shown[PLUG] == "ON"]
    soc = [int(shown[SOC]) for shown in plugged_in]
    assert (soc[0], soc[-1]) == (73, 80)
    assert soc == sorted(soc)
    charging = [shown[STATUS] == "charging" for shown in seen]
    has_minutes = [shown.get(REMAINING, "None") != "None" for shown in seen]
    assert has_minutes == charging, "they are known as long as it charges"
    minutes = [int(shown[REMAINING]) for shown in seen if shown[STATUS] == "charging"]
    assert minutes == sorted(minutes, reverse=True)
    assert minutes[0] > 25
    assert minutes[-1] < 5
