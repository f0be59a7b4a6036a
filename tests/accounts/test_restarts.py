"""Many starts in a short time: BMW is protected, and the owner sees why and until when."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.accounts.scheduler import MANY_STARTS, PollScheduler
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.simulator.tls import Certificates
from tests import virtual_time
from tests.accounts.cardata.account_parts import VIN, AccountParts
from tests.accounts.cardata.running_account import RunningAccount
from tests.accounts.mybmw.simulated_day import Day, simulated_day
from tests.accounts.state_parts import read_part
from tests.accounts.waiting import until

NOTICE = re.compile(
    r"bmw2mqtt was started (\d+) times within an hour\. To protect your BMW account the next update"
    r" is at (\d\d:\d\d); press Refresh to update now"
)


async def start_often(day: Day) -> None:
    for _ in range(MANY_STARTS):
        async with day.running():
            await day.until("ok", timedelta(minutes=1))


def test_mybmw_says_why_it_waits_and_until_when(certificates: Certificates, tmp_path: Path) -> None:
    async def main() -> None:
        async with simulated_day(certificates, tmp_path) as day:
            await start_often(day)
            asked = day.asked()
            async with day.running():
                await asyncio.sleep(20)
                assert day.asked() == asked
                found = NOTICE.fullmatch(day.state.message or "")
                assert found
                assert found[1] == str(MANY_STARTS + 1)
                assert day.state.next_update is not None
                assert found[2] == f"{day.state.next_update.astimezone():%H:%M}"
                assert day.state.last_update is not None, "what was known stays"
                await day.until("ok", timedelta(minutes=1))
                assert day.state.message is None
                assert day.asked() > asked

    virtual_time.run(main)


def test_a_person_need_not_wait(certificates: Certificates, tmp_path: Path) -> None:
    async def main() -> None:
        async with simulated_day(certificates, tmp_path) as day:
            await start_often(day)
            async with day.running() as account:
                await asyncio.sleep(1)
                account.refresh()
                await day.until("ok", timedelta(seconds=10))
                assert day.state.message is None

    virtual_time.run(main)


def test_the_pauses_grow_with_the_starts_up_to_the_interval(tmp_path: Path) -> None:
    memory, delays_s = StateFile(Store(tmp_path), "home"), []
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)

    async def poll() -> None:
        raise AssertionError

    for _ in range(MANY_STARTS + 8):
        polling = PollScheduler(600, poll, lambda _: None, memory, lambda: now)
        polling.restore()
        at = polling.next_at
        delays_s.append((at - now).total_seconds() if at else 0)
    assert delays_s[:MANY_STARTS] == [0] * MANY_STARTS
    for count, delay_s in enumerate(delays_s[MANY_STARTS:]):
        longest_s = min(60 * 2**count, 600)
        assert longest_s / 2 <= delay_s <= longest_s


def test_when_bmw_answered_last_survives_being_killed(
    certificates: Certificates, tmp_path: Path
) -> None:
    """So that a bridge which never gets far enough to ask does not keep its cars online."""

    async def main() -> None:
        async with simulated_day(certificates, tmp_path) as day, day.running():
            await asyncio.sleep(7200)
            killed_at = datetime.now(UTC)
            known = read_part(StateFile(Store(tmp_path), "home"), "polling")
            saved = datetime.fromisoformat(str(known["succeeded_at"]))
            assert killed_at - saved <= timedelta(minutes=40)

    virtual_time.run(main)


async def test_cardata_shows_its_cars_and_says_why_rest_waits(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
    for _ in range(MANY_STARTS):
        async with RunningAccount(parts).running() as home:
            await until(lambda: home.car("sensor/mileage") not in {None, "None"})
            await home.clock.forward(minutes=1)
    async with RunningAccount(parts).running() as home:
        await home.is_status("ok")
        assert NOTICE.fullmatch(home.message)
        assert home.car("sensor/mileage") not in {None, "None"}
        assert home.topic(f"{VIN}/availability") == "online"
        home.account.refresh()
        await until(lambda: not home.message)


@pytest.mark.parametrize("is_back", [True, False], ids=["newer again", "stays older"])
def test_an_older_report_after_a_restart_does_not_take_values_back(
    is_back: bool,  # noqa: FBT001
    certificates: Certificates,
    tmp_path: Path,
) -> None:
    """BMW repeats an old report: what is on the broker stays for a quarter of an hour."""

    def report(day: Day, mileage_km: int, reported_at: datetime) -> None:
        state = day.user.cars[0].state()["state"]
        state |= {"currentMileage": mileage_km, "lastUpdatedAt": reported_at.isoformat()}

    async def main() -> None:
        async with simulated_day(certificates, tmp_path) as day:
            vin = day.user.cars[0].vin

            def mileage() -> str:
                return day.watcher.car(vin)["sensor/mileage"]

            began = datetime.now(UTC)
            report(day, 1000, began - timedelta(minutes=30))
            async with day.running():
                await day.until("ok", timedelta(minutes=1))
                assert mileage() == "1000"
            report(day, 900, began - timedelta(hours=2))
            with capture_logs() as logs:
                async with day.running():
                    await day.until("ok", timedelta(minutes=1))
                    for _ in range(14):
                        await asyncio.sleep(60)
                        assert mileage() == "1000"
                    if is_back:
                        report(day, 1010, began - timedelta(minutes=20))
                    await asyncio.sleep(600)
                    assert mileage() == ("1010" if is_back else "900")
            held_back = [line["vin"] for line in logs if line["event"] == "older_report_held_back"]
            assert held_back == [vin], "it is logged once"

    virtual_time.run(main)
