"""An account that reads BMW's stream from another program: the login is optional."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.accounts.cardata.backend import CARDATA
from bmw2mqtt.accounts.relay_input import RelayInput
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.config import CarDataSettings
from bmw2mqtt.vehicle.errors import LoginRequired
from tests.accounts.cardata.account_parts import VIN, AccountParts
from tests.accounts.cardata.running_account import MILEAGE, RunningAccount, warnings
from tests.accounts.waiting import until


class RelayedAccount(RunningAccount):
    """The account, and the broker's topics."""

    def __init__(self, parts: AccountParts) -> None:
        super().__init__(parts, stream_topic="bmw")
        topics = self.settings.accounts["eu"].stream_topics
        assert topics == "bmw/"
        self.relay = RelayInput(topics)
        self.account.read_relay(self.relay)
        self.relay.set_available(is_available=True)

    def bring(self, mileage: int, *, is_retained: bool = False) -> None:
        self.user.cars[0].store({MILEAGE: mileage})
        message = self.bmw.stream.message(VIN, {MILEAGE: mileage})
        assert self.relay.receive(f"bmw/{VIN}", message, is_retained=is_retained)

    async def has(self, mileage: int) -> None:
        await until(lambda: self.car("sensor/mileage") == str(mileage))


@asynccontextmanager
async def relayed(parts: AccountParts) -> AsyncIterator[RelayedAccount]:
    home = RelayedAccount(parts)
    async with home.running():
        yield home


async def test_without_login(parts: AccountParts) -> None:
    with capture_logs() as logs:
        home = RelayedAccount(parts)
        home.bring(1000, is_retained=True)
        home.relay.receive("bmw/status", b'{"connected": true}', is_retained=True)
        async with home.running():
            await home.has(1000)
            await home.is_status("ok")
            assert home.entity("binary_sensor/login_required") == "OFF"
            assert home.entity("binary_sensor/stream_connected") == "ON"
            assert home.entity("sensor/last_message") == "None", "a retained one has no time"
            await home.clock.forward(seconds=1)
            home.bring(1001)
            await home.has(1001)
            assert home.moment("sensor/last_message"), "the first message shows with its values"
            assert home.topic(f"{VIN}/availability") == "online"
            await home.clock.forward(hours=30)
            assert home.moment("sensor/last_message") is not None
            home.account.refresh()
            await until(lambda: "not logged in" in (home.attributes["last_refresh"] or ""))
            assert (home.asked(), home.asked("/gcdm/")) == (0, 0), "nothing is sent to BMW"
            assert not home.bmw.stream.connects
            await home.is_status("ok")
    assert warnings(logs) == []


async def test_the_broker_is_away(parts: AccountParts) -> None:
    async with relayed(parts) as home:
        home.bring(1000)
        await home.has(1000)
        home.relay.set_available(is_available=False)
        await until(lambda: home.entity("binary_sensor/stream_connected") == "OFF")
        reason = json.loads(home.entity("binary_sensor/stream_connected/attributes") or "{}")
        assert "broker" in reason["reason"]
        home.relay.set_available(is_available=True)
        await until(lambda: home.entity("binary_sensor/stream_connected") == "ON")


async def test_pausing_does_not_stop_it(parts: AccountParts) -> None:
    async with relayed(parts) as home:
        home.account.set_polling(is_polling=False)
        await home.is_status("paused")
        home.bring(1000)
        await home.has(1000)


async def test_a_login_that_is_declined_is_not_missed(parts: AccountParts) -> None:
    async with relayed(parts) as home:
        home.bring(1000)
        await home.is_status("ok")
        home.account.log_in(None)
        code = await until(lambda: home.attributes.get("user_code"))
        home.bmw.decline(code)
        await until(lambda: home.attributes["user_code"] is None)
        await home.is_status("ok")
        assert home.asked("device/code") == 1


async def test_a_login_adds_requests_and_no_connection(parts: AccountParts) -> None:
    async with relayed(parts) as home:
        home.bring(1000)
        await home.has(1000)
        home.account.log_in(None)
        code = await until(lambda: home.attributes.get("user_code"))
        home.bmw.approve(code)
        await until(lambda: home.asked() > 0, "requests")
        await until(lambda: home.moment("sensor/next_update"), "the first poll is over")
        await home.is_status("ok")
        await home.clock.forward(hours=2)
        assert not home.bmw.stream.connects
        home.bring(1001)
        await home.has(1001)


async def test_check_does_not_require_a_login(parts: AccountParts) -> None:
    settings = RelayedAccount(parts).settings.accounts["eu"]
    assert isinstance(settings, CarDataSettings)
    store = RunningAccount(parts).store
    tls = client_context("eu", parts.bmw.ca_file)
    assert "optional" in await CARDATA.try_login("eu", settings, store, tls)
    without = settings.model_copy(update={"stream_topic": None})
    with pytest.raises(LoginRequired):
        await CARDATA.try_login("eu", without, store, tls)
