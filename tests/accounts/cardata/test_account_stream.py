"""BMW's stream, good and bad, as a CarData account's entities show it."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.accounts.cardata.account_parts import VIN, AccountParts
from tests.accounts.cardata.running_account import MILEAGE, RunningAccount, warnings
from tests.accounts.waiting import until

pytestmark = pytest.mark.no_cover


async def test_the_stream_is_refused(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        renewals = home.asked("oauth/token")
        home.bmw.stream.refuse_connects(1000)
        with capture_logs() as logs:
            home.bmw.stream.drop_all(135)
            await until(lambda: home.asked("oauth/token") > renewals)
            await home.clock.forward(minutes=2)
            await home.is_status("unreachable", "does not accept the login")
            for _ in range(7):
                await home.clock.forward(minutes=10)
            await home.is_status("error", "CarData Stream off and on")
            assert home.bmw.stream.connects[-1].reason == 135
        assert warnings(logs) == ["account_status", "account_status"], "one line a change"
        assert len(home.bmw.stream.connects) < 16
        home.bmw.stream._refusals.clear()
        await home.clock.forward(minutes=11)
        await home.is_ok()


async def test_another_program_fights_for_the_stream(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        with capture_logs() as logs:
            drops = 0
            while drops < 6:
                if home.bmw.stream.is_subscribed(home.user.gcid):
                    home.bmw.stream.take_over(home.user.gcid)
                    drops += 1
                await home.clock.forward(seconds=8)
            await home.is_status("error", "another program")
        assert [e["reason"] for e in logs if e.get("status") == "error"] == [home.message]
        assert "relay_prefix" in home.message
        for _ in range(5):
            await home.clock.forward(minutes=4)
        await home.is_ok()


async def test_no_stream_is_configured(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        home.bmw.stream.refused_subscriptions = 1
        code = await until(lambda: home.attributes.get("user_code"))
        home.bmw.approve(code)
        await home.is_status("error", "configure the data stream of each car")
        await home.clock.forward(seconds=30)
        await home.is_ok()


async def test_the_stream_shows(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:

        def stream() -> Any:
            return json.loads(home.entity("binary_sensor/stream_connected/attributes") or "{}")

        await until(lambda: home.entity("binary_sensor/stream_connected") == "OFF")
        await until(lambda: stream()["reason"] == "the account is not logged in")
        assert home.entity("sensor/last_message") == "None"
        await home.log_in()
        await until(lambda: home.entity("binary_sensor/stream_connected") == "ON")
        connected_at = stream()["since"]
        assert home.is_just_now(datetime.fromisoformat(connected_at))
        assert stream()["reason"] is None
        await home.drive(50_000)
        assert home.moment("sensor/last_message"), "the first message shows with its values"
        await home.clock.forward(minutes=2)
        last_message = home.moment("sensor/last_message")
        assert last_message is not None
        assert home.clock.now - last_message < timedelta(minutes=3)
        await home.renew()
        assert stream()["since"] == connected_at, "another token is no interruption"
        home.bmw.stream.refuse_connects(20, 137)
        home.bmw.stream.drop_all(137)
        await until(lambda: home.entity("binary_sensor/stream_connected") == "OFF")
        assert stream()["reason"] == "BMW's stream is busy"
        assert stream()["since"] > connected_at
        home.account.set_polling(is_polling=False)
        await until(lambda: stream()["reason"] == "polling is paused")


async def test_nothing_is_selected_for_the_stream(parts: AccountParts) -> None:
    """The hint comes a day after the login, and goes with the first message."""
    parts.user.selected_descriptors = set()
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        await home.clock.forward(hours=23)
        assert home.message == ""
        await home.clock.forward(hours=2)
        await home.is_status("ok", "nothing was streamed in the 24 hours since the login")
        streamed = home.account.streamed(VIN)
        assert streamed.is_silent
        parts.user.selected_descriptors = None
        await home.drive(50_000)
        await home.clock.forward(minutes=2)
        await home.is_status("ok")
        assert home.message == ""
        assert set(home.account.streamed(VIN).last) == {MILEAGE}
