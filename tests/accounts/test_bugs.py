"""A bug of ours in one place: logged once, shown, and in nobody else's way."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.accounts.cardata.account import CarDataAccount
from bmw2mqtt.accounts.cardata.snapshot import builder, updater
from bmw2mqtt.accounts.cardata.snapshot.updater import SnapshotUpdater
from bmw2mqtt.accounts.mybmw import poller
from bmw2mqtt.accounts.scheduler import PollScheduler
from bmw2mqtt.devices import DeviceRegistry
from bmw2mqtt.simulator.tls import Certificates
from tests import virtual_time
from tests.accounts.cardata.account_parts import OTHER_VIN, VIN, AccountParts, car
from tests.accounts.cardata.running_account import MILEAGE, RunningAccount
from tests.accounts.mybmw.simulated_day import VINS, Day, simulated_day
from tests.accounts.waiting import until

HOUR, HALF_AN_HOUR_S = timedelta(hours=1), 1800
SENTENCE = "internal error (ZeroDivisionError); please report it"


def stumble(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("a secret")


def bugs(logs: list[Any]) -> list[str]:
    return [entry["event"] for entry in logs if entry.get("exc_info")]


def stumble_for(vin: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that has a bug with one car."""

    def call(first: Any, *args: Any, **kwargs: Any) -> Any:
        if vin in {first, getattr(first, "vin", None), *args[:1]}:
            raise ZeroDivisionError
        return function(first, *args, **kwargs)

    return call


# CarData


@pytest.fixture
async def home(parts: AccountParts) -> Any:
    """An account of two cars that is logged in and running."""
    parts.user.cars.append(car(OTHER_VIN))
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        await until(lambda: home.car("sensor/mileage", OTHER_VIN))
        yield home


async def shows_and_recovers(home: RunningAccount, owner: Any, name: str) -> None:
    """Let something have a bug for a while."""
    with capture_logs() as logs, pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, stumble)
        await home.is_status("error", SENTENCE)
        await home.clock.forward(seconds=1)
    assert len(bugs(logs)) == 1, logs
    await home.is_status("ok", within_s=3600)
    await home.drive(50_001)


async def test_a_bug_in_looking_after_availability(home: RunningAccount) -> None:
    await shows_and_recovers(home, SnapshotUpdater, "check_held_back")


async def test_a_bug_in_the_account_s_polling(home: RunningAccount) -> None:
    with capture_logs() as logs, pytest.MonkeyPatch.context() as patch:
        patch.setattr(PollScheduler, "_wait", stumble)
        await home.refresh()
        await home.is_status("error", SENTENCE)
        await home.drive(50_000)
    assert bugs(logs) == ["task_crashed"]
    await home.is_status("ok", within_s=3600)


@pytest.mark.parametrize("name", ["_update_status", "_stream_changed"])
async def test_a_bug_in_what_is_told_when_something_changes(
    home: RunningAccount, name: str
) -> None:
    with capture_logs() as logs, pytest.MonkeyPatch.context() as patch:
        patch.setattr(CarDataAccount, name, stumble)
        await home.renew()
        await home.refresh()
        await home.clock.forward(seconds=1)
        await home.drive(50_000)
    assert bugs(logs), "it is logged"
    assert len(bugs(logs)) == len(set(bugs(logs))), "once wherever it shows"
    await home.is_status("ok", within_s=3600)


@pytest.mark.parametrize("name", ["vehicle_changed", "account_changed", "vehicle_seen"])
async def test_a_bug_of_whoever_listens(home: RunningAccount, name: str) -> None:
    with capture_logs() as logs, pytest.MonkeyPatch.context() as patch:
        patch.setattr(DeviceRegistry, name, stumble)
        home.bmw.publish(VIN, {MILEAGE: 50_000})
        await home.clock.forward(minutes=1)
    assert len(bugs(logs)) <= 2, "once for each car"
    await home.drive(50_001)
    await home.is_status("ok", within_s=3600)


async def test_a_bug_with_one_car_leaves_its_values_and_the_other_car(
    home: RunningAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_shown(mileage: int) -> bool:
        return home.car("sensor/mileage", OTHER_VIN) == str(mileage)

    before = home.car("sensor/mileage")
    with capture_logs() as logs:
        monkeypatch.setattr(updater, "to_vehicle", stumble_for(VIN, builder.to_vehicle))
        for mileage in range(60_000, 60_005):
            for vin in (VIN, OTHER_VIN):
                home.bmw.publish(vin, {MILEAGE: mileage})
            await home.clock.forward(seconds=1)
            await until(partial(is_shown, mileage))
        await home.clock.forward(seconds=1)
    assert home.car("sensor/mileage") == before
    assert home.topic(f"{VIN}/availability") == "online"
    assert bugs(logs) == ["vehicle_crashed"]


# MyBMW


def live(certificates: Certificates, folder: Path, main: Callable[[Day], Any]) -> list[Any]:
    """Run a MyBMW account beside its BMW in virtual time; return what was logged."""

    async def run() -> None:
        async with simulated_day(certificates, folder) as day, day.running():
            await day.until("ok", HOUR)
            await main(day)

    with capture_logs() as logs:
        virtual_time.run(run)
    return logs


@pytest.mark.parametrize("name", ["to_vehicle", "request_profile"])
def test_a_bug_with_one_car_of_mybmw_hides_no_other(
    certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    bad, good = VINS
    function = getattr(poller, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        if bad in {getattr(args[0], "vin", None), *map(str, args[1:2])}:
            raise ZeroDivisionError
        return function(*args, **kwargs)

    monkeypatch.setattr(poller, name, call)

    async def main(day: Day) -> None:
        await asyncio.sleep(HALF_AN_HOUR_S)
        assert day.state.status == "ok"
        assert good in day.watcher.vins
        assert bad not in day.watcher.vins
        monkeypatch.setattr(poller, name, function)
        await asyncio.sleep(HALF_AN_HOUR_S)
        assert bad in day.watcher.vins, "it comes once it can"

    logs = live(certificates, tmp_path, main)
    assert len(bugs(logs)) == 1


@pytest.mark.parametrize("name", ["account_changed", "vehicle_changed", "vehicle_seen"])
def test_a_bug_of_whoever_listens_to_mybmw(
    certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async def main(day: Day) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(day.watcher, name, stumble)
            await asyncio.sleep(HALF_AN_HOUR_S)
        before = day.asked()
        await asyncio.sleep(HALF_AN_HOUR_S)
        assert day.asked() - before > 10, "it goes on"
        assert day.state.status == "ok"

    logs = live(certificates, tmp_path, main)
    assert len(bugs(logs)) <= 2


@pytest.mark.parametrize(
    ("owner", "name"), [(PollScheduler, "_wait"), (PollScheduler, "_record_outcome")], ids=str
)
def test_a_bug_in_mybmw_s_polling_shows_and_passes(
    certificates: Certificates,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
) -> None:
    async def main(day: Day) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, stumble)
            day.account.refresh()
            await asyncio.sleep(2 * HALF_AN_HOUR_S)
            assert (day.state.status, day.state.message) == ("error", SENTENCE)
        await asyncio.sleep(HALF_AN_HOUR_S)
        assert day.state.status == "ok"
        assert day.state.message is None

    logs = live(certificates, tmp_path, main)
    assert bugs(logs) == ["task_crashed"]
