"""The login of a CarData account, as the account's entities show it."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.accounts.backend import Terminal
from bmw2mqtt.accounts.cardata import check
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.simulator.cardata import API_SCOPE, cu_error
from tests.accounts.cardata.account_parts import VIN, AccountParts
from tests.accounts.cardata.running_account import REST, RunningAccount, warnings
from tests.accounts.waiting import until


async def test_from_nothing_to_a_car(parts: AccountParts) -> None:
    with capture_logs() as logs:
        async with RunningAccount(parts).running() as home:
            await home.is_status("login_required", "waiting for you")
            code = home.attributes["user_code"]
            assert home.attributes["login_url"].endswith(f"/oneid/link?user_code={code}")
            expires_at = datetime.fromisoformat(home.attributes["expires_at"])
            assert timedelta(minutes=4, seconds=59) < expires_at - home.clock.now
            assert expires_at - home.clock.now <= timedelta(minutes=5)
            assert home.entity("binary_sensor/login_required") == "ON"
            assert home.entity("sensor/next_update") == "None"
            assert home.entity("sensor/requests_24h") == "0", "logins do not count"
            assert home.entity("sensor/requests_left") == "45"
            await home.log_in()
            assert home.attributes == {
                "message": None,
                "login_url": None,
                "user_code": None,
                "expires_at": None,
                "last_refresh": None,
            }
            assert home.entity("binary_sensor/login_required") == "OFF"
            await until(lambda: home.topic(f"{VIN}/availability") == "online")
            used = partial(home.bmw.quota.used, home.user.gcid)
            await until(lambda: home.entity("sensor/requests_24h") == str(used()))
            await until(lambda: home.entity("sensor/requests_left") == str(45 - used()))
            assert home.is_just_now(home.moment("sensor/last_update"))
            next_update = home.moment("sensor/next_update")
            assert next_update is not None
            assert timedelta(hours=20) < next_update - home.clock.now < timedelta(hours=25)
    assert warnings(logs) == ["account_status", "login_code_issued"]


async def test_declined(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        code = await until(lambda: home.attributes.get("user_code"))
        home.bmw.decline(code)
        await home.is_status("login_required", "declined")
        await home.clock.forward(hours=2)
        assert home.asked("device/code") == 1
        assert home.attributes["user_code"] is None
        home.account.log_in(None)
        await home.log_in()


@pytest.mark.no_cover
async def test_expired(parts: AccountParts) -> None:
    parts.bmw.oauth.interval_s = 30
    async with RunningAccount(parts).running() as home:
        seen = set()
        for _ in range(6):
            code = await until(
                lambda: (code := home.attributes.get("user_code")) not in seen and code,
                within_s=340,
            )
            seen.add(code)
        await home.is_status("login_required", "press Log in", within_s=340)
        await home.clock.forward(hours=2)
        assert home.asked("device/code") == 6
        parts.bmw.oauth.interval_s = 5
        home.account.log_in(None)
        await home.log_in()


async def test_a_fault_of_bmws(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        code = await until(lambda: home.attributes.get("user_code"))
        home.bmw.oauth.exchange_failures = 1
        home.bmw.approve(code)
        await home.is_status("login_required", "on BMW's side")
        await home.clock.forward(hours=2)
        assert home.asked("device/code") == 1
        home.account.log_in(None)
        await home.log_in()


async def test_a_service_is_missing(parts: AccountParts) -> None:
    parts.user.granted.discard(API_SCOPE)
    async with RunningAccount(parts).running() as home:
        await home.is_status("login_required", "CarData API")
        assert home.entity("binary_sensor/login_required") == "ON"
        assert "CarData API" in str(home.entity("binary_sensor/login_required/attributes"))
        parts.user.granted.add(API_SCOPE)
        home.account.log_in(None)
        await home.log_in()


async def test_rest_wants_another_login(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        home.bmw.faults.add(cu_error("CU-103", path=REST))
        await home.refresh()
        await home.is_status("login_required", "CarData API off and on")
        await home.drive(50_000)  # the stream goes on
        home.bmw.faults.clear()
        home.account.log_in(None)
        code = await until(lambda: home.attributes.get("user_code"))
        home.bmw.approve(code)
        await home.is_status("ok")


async def test_the_login_is_lost(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        home.bmw.registry.revoke()
        with capture_logs() as logs:
            await home.clock.forward(minutes=51)
            await home.is_status("login_required", "log in again")
            await home.clock.forward(hours=1)
        assert warnings(logs) == ["account_status"], "one line"
        assert home.asked("device/code") == 1
    async with RunningAccount(parts).running() as home:
        await home.is_status("login_required", "log in again")
        await home.clock.forward(minutes=1)
        assert home.asked("device/code") == 1, "a restart begins no login"
        home.account.log_in(None)
        await home.log_in()


async def test_a_login_on_the_terminal_is_taken_at_the_next_start(parts: AccountParts) -> None:
    home = RunningAccount(parts)
    async with home.running():
        code = await until(lambda: home.attributes.get("user_code"))
        home.bmw.decline(code)
        await home.is_status("login_required", "declined")

    said: list[str] = []

    def approve(line: str) -> None:
        home.bmw.oauth.approve_after_s = 0
        said.append(line)

    settings: Any = home.settings.accounts["eu"]
    tls = client_context("eu", home.bmw.ca_file)
    await check.log_in("eu", settings, home.store, tls, Terminal(ask=str, say=approve))
    assert "/oneid/link?user_code=" in said[0]
    async with RunningAccount(parts).running() as again:
        await again.is_ok()
        assert again.asked("device/code") == 2
