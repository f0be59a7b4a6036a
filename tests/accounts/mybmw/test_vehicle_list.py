"""One answer of BMW destroys nothing: empty lists of cars, old reports, odd pictures."""

import asyncio
import io
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bmw2mqtt.accounts.mybmw import poller
from bmw2mqtt.accounts.mybmw.image import PNG, to_png
from bmw2mqtt.simulator.mybmw import MyBmwSimulator, empty_list
from bmw2mqtt.simulator.tls import Certificates
from bmw2mqtt.vehicle.account import AccountStatus
from tests import virtual_time
from tests.accounts.mybmw.simulated_day import VINS, Day, simulated_day
from tests.fixture_cars import fixture_car

IX = "WBA00000000DEMO01"
EMPTY = empty_list()
MINUTE, HOUR = 60, 3600
FOLLOW_EVERY_S = poller.FOLLOW_EVERY_S
"""Outside of quiet simulated days."""
NO_CAR = "BMW lists no car for this account"


def live(
    certificates: Certificates, folder: Path, main: Callable[[Day], Coroutine[Any, Any, None]]
) -> None:
    """Run something beside a BMW in virtual time."""

    async def run() -> None:
        async with simulated_day(certificates, folder) as day:
            await main(day)

    virtual_time.run(run)


async def refresh(day: Day) -> None:
    day.account.refresh()
    await asyncio.sleep(MINUTE)


@pytest.mark.no_cover
def test_an_empty_list_removes_no_car(certificates: Certificates, tmp_path: Path) -> None:
    async def main(day: Day) -> None:
        async with day.running(poll_interval=6 * HOUR):
            await day.until("ok", timedelta(hours=1))
            day.bmw.faults.add(EMPTY)
            for _ in range(3):
                await refresh(day)
                await asyncio.sleep(5 * HOUR)
            assert (day.state.status, day.state.message) == (AccountStatus.OK, None)
            assert day.watcher.listed == set(VINS)
            day.bmw.faults.clear()
            await asyncio.sleep(30 * HOUR)
            day.bmw.faults.add(EMPTY)
            await refresh(day)
            assert day.watcher.listed == set(VINS), "the first list was good again in between"

    live(certificates, tmp_path, main)


@pytest.mark.no_cover
@pytest.mark.parametrize("is_restarted", [False, True], ids=["", "restarted"])
def test_a_car_that_two_lists_a_day_apart_miss_has_left(
    certificates: Certificates,
    tmp_path: Path,
    is_restarted: bool,  # noqa: FBT001 - a case
) -> None:
    async def main(day: Day) -> None:
        async with day.running(poll_interval=2 * HOUR):
            await day.until("ok", timedelta(hours=1))
            day.bmw.faults.add(EMPTY)
            await refresh(day)
            await refresh(day)
            assert day.watcher.listed == set(VINS)
            if not is_restarted:
                await asyncio.sleep(27 * HOUR)
        if is_restarted:
            day.watcher.listed = frozenset()
            async with day.running(poll_interval=2 * HOUR):
                await asyncio.sleep(MINUTE)
                assert day.watcher.listed == set(VINS), "a restart forgets no car"
                await asyncio.sleep(27 * HOUR)
        assert day.watcher.listed == frozenset()
        assert day.state.status is AccountStatus.ERROR
        assert NO_CAR in str(day.state.message)

    live(certificates, tmp_path, main)


@pytest.mark.no_cover
def test_a_car_that_left_goes_alone(certificates: Certificates, tmp_path: Path) -> None:
    async def main(day: Day) -> None:
        async with day.running(poll_interval=2 * HOUR):
            await day.until("ok", timedelta(hours=1))
            sold = day.user.cars.pop()
            await asyncio.sleep(60 * HOUR)
            assert day.watcher.listed == set(VINS) - {sold.vin}
            assert day.state.status is AccountStatus.OK

    live(certificates, tmp_path, main)


def test_an_account_without_a_car_says_so(certificates: Certificates, tmp_path: Path) -> None:
    async def main(day: Day) -> None:
        cars, day.user.cars[:] = list(day.user.cars), []
        async with day.running():
            await asyncio.sleep(MINUTE)
            assert day.state.status is AccountStatus.ERROR
            assert NO_CAR in str(day.state.message)
            day.user.cars[:] = cars
            await asyncio.sleep(1.5 * HOUR)
            assert day.state.status is AccountStatus.OK, "found without a person"
            assert day.watcher.listed == set(VINS)

    live(certificates, tmp_path, main)


async def test_an_old_report_changes_nothing(watch: Any) -> None:
    car = fixture_car(IX)
    state = car.state_data["state"]
    state["lastUpdatedAt"] = "2026-01-01T10:00:00Z"
    watched = await watch(car)
    await watched.poll()
    before = watched.consumer.car(IX)
    state |= {"lastUpdatedAt": "2026-01-01T09:59:59Z", "currentMileage": 5}
    state["electricChargingState"]["chargingLevelPercent"] = 3
    assert (await watched.poll()).status is AccountStatus.OK
    assert watched.consumer.car(IX) == before
    state["lastUpdatedAt"] = "2026-01-01T10:00:01Z"
    await watched.poll()
    assert watched.consumer.car(IX)["sensor/mileage"] == "5"


def picture(kind: str) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (40, 20), "red").save(content, kind)
    return content.getvalue()


async def test_a_jpeg_is_published_as_png(watch: Any, near_bmw: MyBmwSimulator) -> None:
    car = fixture_car(IX)
    car.image = lambda: picture("JPEG")  # type: ignore[method-assign]
    watched = await watch(car)
    near_bmw.faults.clear()
    await watched.poll()
    image = watched.consumer.snapshots[-1].image
    assert image is not None
    assert image.startswith(PNG)
    with Image.open(io.BytesIO(image)) as shown:
        assert (shown.format, shown.size) == ("PNG", (40, 20))


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff\xd8\xff\xe0 no jpeg", PNG[:2]])
def test_what_is_no_picture_is_none(content: bytes) -> None:
    assert to_png(content) == b""


def test_a_png_stays_as_it_is() -> None:
    content = picture("PNG")
    assert to_png(content) is content


def test_what_time_alone_ends_is_published_without_a_poll(
    certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(day: Day) -> None:
        monkeypatch.setattr(poller, "FOLLOW_EVERY_S", FOLLOW_EVERY_S)
        car = day.user.cars[0]
        battery = {"chargingStatus": "CHARGING", "isChargerConnected": True}
        car.state_data["state"]["electricChargingState"] |= battery | {
            "remainingChargingMinutes": 30
        }
        async with day.running(poll_interval=0):
            await day.until("ok", timedelta(hours=1))
            shown = "sensor/charging_status"
            assert day.watcher.car(car.vin)[shown] == "charging"
            await asyncio.sleep(2.6 * HOUR)
            assert day.watcher.car(car.vin)[shown] == "plugged_in"

    live(certificates, tmp_path, main)
