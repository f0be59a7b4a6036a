"""BMW's REST, good and bad, as a CarData account's entities show it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bmw2mqtt.simulator.cardata import Fault, cu_error
from tests.accounts.cardata.account_parts import AccountParts
from tests.accounts.cardata.running_account import MILEAGE, REST, RunningAccount
from tests.accounts.waiting import until

pytestmark = pytest.mark.no_cover


async def test_bmws_quota_is_used_up(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        home.bmw.quota.exhaust(home.user.gcid)
        await home.refresh()
        await home.is_status("quota_exceeded", "daily quota")
        assert "the stream goes on" in home.message
        await until(lambda: home.entity("sensor/requests_left") == "0")
        next_update = home.moment("sensor/next_update")
        assert next_update is not None
        midnight = datetime(2026, 11, 2, tzinfo=UTC)
        assert midnight < next_update < midnight + timedelta(minutes=30)
        await home.drive(50_000)
        asked, polls = home.asked(), home.account.polling.outcomes.total()
        await home.refresh()
        await until(lambda: home.account.polling.outcomes.total() > polls)
        assert home.asked() == asked, "not even for a person"
        day_s = timedelta(days=1).total_seconds()  # BMW counts a day: one midnight is too early
        await until(lambda: (home.status, home.message) == ("ok", ""), within_s=2 * day_s)


async def test_a_person_asks_within_the_budget(parts: AccountParts) -> None:
    async with RunningAccount(parts, request_budget=10).running() as home:
        await home.log_in()
        before = home.asked()
        await home.refresh()
        await until(lambda: home.asked() > before)
        for _ in range(10):
            await home.refresh()
            await home.clock.forward(minutes=1)
        await home.is_status("ok", "9 of 10 requests")
        assert home.asked() == 9, "a new car finds something left"
        assert home.entity("sensor/requests_left") == "1"
        await home.drive(50_000)
    async with RunningAccount(parts, request_budget=10).running() as home:
        await home.is_ok()
        assert home.entity("sensor/requests_left") == "1"
        assert home.asked() == 9, "a restart gives nothing back"


async def test_a_person_presses_again_and_again(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        asked = home.asked()
        for _ in range(100):
            home.account.refresh()
            await asyncio.sleep(0.002)
        await home.clock.forward(seconds=30)
        assert home.asked() == asked, "it was read a moment ago"
        home.bmw.faults.add(cu_error("CU-103", path=REST))
        await home.refresh()
        await home.is_status("login_required", "CarData API off and on")
        asked = home.asked()
        for _ in range(100):
            home.account.refresh()
            await asyncio.sleep(0.002)
        assert home.asked() == asked, "each try costs quota"


async def test_a_person_gets_what_bmw_knows_now(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        parts.user.cars[0].store({MILEAGE: 41_999})  # type: ignore[attr-defined]
        await home.clock.forward(minutes=10)
        assert home.car("sensor/mileage") == "41250"
        await home.refresh()
        await until(lambda: home.car("sensor/mileage") == "41999")
        assert home.is_just_now(home.moment("sensor/last_update"))


async def test_rest_is_out_of_order_and_the_stream_works(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        home.bmw.faults.add(cu_error("CU-503", path=REST))
        await home.refresh()
        await home.is_status("ok", "REST does not")
        await home.drive(50_000)
        await home.bmw.stream.stop()
        await until(lambda: not home.account._stream.is_connected)
        await home.clock.forward(minutes=2)
        await home.is_status("unreachable", "stream")
        await home.bmw.stream.start()
        home.bmw.faults.clear()
        await until(lambda: (home.status, home.message) == ("ok", ""), within_s=3 * 3600)


async def test_rest_is_out_of_order_before_it_told_which_cars_there_are(
    parts: AccountParts,
) -> None:
    parts.bmw.faults.add(Fault(path=REST, status=503))
    async with RunningAccount(parts).running() as home:
        code = await until(lambda: home.attributes.get("user_code"))
        home.bmw.approve(code)
        await home.is_status("unreachable", "out of order")
        assert home.moment("sensor/next_update") is not None
        home.bmw.faults.clear()
        await home.refresh()
        await home.is_ok()


async def test_seeing_that_nothing_is_due_is_no_update(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        await until(lambda: home.moment("sensor/last_update"))
        last_update, asked = home.moment("sensor/last_update"), home.asked()
        for _ in range(5):
            await home.renew()
        assert home.asked() == asked
        assert home.moment("sensor/last_update") == last_update
        await home.drive(50_000)
        driven_at = home.clock.now
        await until(lambda: home.moment("sensor/last_update") != last_update, within_s=61)
        told = home.moment("sensor/last_update")
        assert told is not None
        assert abs(told - driven_at) < timedelta(seconds=2)
    await parts.clock.forward(hours=1)
    async with RunningAccount(parts).running() as home:
        await until(lambda: home.moment("sensor/last_update") == told, "known after a restart")


async def test_a_refresh_says_what_it_did(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()

        def result() -> str:
            return str(home.attributes["last_refresh"]).partition(": ")[2]

        await home.refresh()
        await until(lambda: result().endswith("requests sent"))
        home.account.refresh()
        await until(lambda: result().startswith("nothing was requested"))
        home.bmw.quota.exhaust(home.user.gcid)
        await home.refresh()
        await until(lambda: "quota" in result())
