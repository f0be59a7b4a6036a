"""Tokens are renewed in time; a renewal that fails, for a while or for good."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bmw2mqtt.accounts.cardata.auth.tokens import OAuthTokens
from bmw2mqtt.backoff import Backoff
from bmw2mqtt.simulator.cardata import Fault
from bmw2mqtt.vehicle.account import AccountStatus
from tests.accounts.cardata.account_parts import AccountParts
from tests.accounts.cardata.auth.running_login import CODES, TOKEN
from tests.accounts.waiting import until


async def test_renewed_ahead_of_expiry(running_login: Callable[[], Any]) -> None:
    async with running_login() as home:
        await home.log_in()
        first = home.tokens[-1]
        await home.clock.forward(minutes=48)
        assert home.tokens[-1] == first
        await home.clock.forward(minutes=3)
        await until(lambda: home.tokens[-1] != first)
        assert home.saved()["refresh_token"] == home.tokens[-1].refresh_token
        assert home.status is AccountStatus.OK
        assert home.logins == 1, "a renewal is no login"


async def test_renewed_because_the_stream_refuses_the_token(
    running_login: Callable[[], Any],
) -> None:
    async with running_login() as home:
        await home.log_in()
        first, asked = home.tokens[-1], home.asked(TOKEN)
        home.manager.renew_soon()
        await until(lambda: home.tokens[-1] != first)
        await home.rest()
        assert home.asked(TOKEN) == asked + 1, "once"


async def test_a_renewal_fails_for_a_while(
    running_login: Callable[[], Any], parts: AccountParts
) -> None:
    async with running_login() as home:
        await home.log_in()
        first = home.tokens[-1]
        parts.break_down(Fault(path=TOKEN, status=503))
        asked = home.asked(TOKEN)
        await home.clock.forward(minutes=51)
        await until(lambda: home.asked(TOKEN) > asked)
        await home.rest()
        assert home.status is AccountStatus.OK, "the tokens work for nine minutes yet"
        await home.clock.forward(minutes=10)
        await until(lambda: home.status is AccountStatus.UNREACHABLE, within_s=610)
        assert home.tokens[-1] == first, "kept"
        home.bmw.faults.clear()
        await until(lambda: home.tokens[-1] != first, within_s=800)
        assert home.status is AccountStatus.OK


async def test_retries_are_no_closer_than_half_a_minute(
    running_login: Callable[[], Any], parts: AccountParts
) -> None:
    async with running_login() as home:
        await home.log_in()
        home.manager._renewals = Backoff(first_s=40, longest_s=600, jitter=0.25)
        parts.break_down(Fault(path=TOKEN, status=503))
        asked = home.asked(TOKEN)
        await home.clock.forward_to(home.parts.credentials.renew_at)
        await home.clock.forward(seconds=0.5)
        assert home.asked(TOKEN) == asked + 1
        await home.clock.forward(seconds=29)
        assert home.asked(TOKEN) == asked + 1
        await home.clock.forward(seconds=11)
        assert home.asked(TOKEN) == asked + 2


async def test_a_login_that_comes_as_the_old_one_is_found_dead_is_kept(
    running_login: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_login() as home:
        await home.log_in()
        credentials = home.parts.credentials
        await home.clock.forward(minutes=40)
        await home.rest()
        now = home.clock.now + timedelta(minutes=11)
        login = replace(
            home.tokens[-1],
            refresh_token="of the new login",
            issued_at=now,
            expires_at=now + timedelta(hours=1),
        )
        renew = credentials._renew

        async def renew_in_vain() -> OAuthTokens:
            try:
                return await renew()
            finally:  # before whoever waits for the renewal has heard of it
                home.manager.request_login()

        async def confirmed() -> OAuthTokens:
            home.manager._login_requested.clear()
            return login

        with monkeypatch.context() as patch:
            patch.setattr(credentials, "_renew", renew_in_vain)
            patch.setattr(home.manager, "_log_in", confirmed)
            home.bmw.registry.revoke()
            await home.clock.forward(minutes=11)
            await until(lambda: credentials.current == login)
            await home.rest()
        assert credentials.current == login
        assert home.saved()["refresh_token"] == login.refresh_token
        assert home.status is AccountStatus.OK
        assert home.tokens[-1] is not None


async def test_retries_for_ten_thousand_failures_in_a_row(
    running_login: Callable[[], Any], parts: AccountParts
) -> None:
    async with running_login() as home:
        await home.log_in()
        parts.break_down(Fault(path=TOKEN, status=503))
        home.manager._renewals.failures = home.manager._logins.failures = 10_000
        asked = home.asked(TOKEN)
        await home.clock.forward(minutes=61)
        await until(lambda: home.asked(TOKEN) > asked)
        parts.break_down(Fault(path=CODES, status=503))
        home.manager.request_login()
        await until(lambda: home.manager.note)
        await home.rest()
        home.bmw.faults.clear()
        await home.clock.forward(minutes=20)
        await until(lambda: home.status is AccountStatus.OK, "the daemon's tasks are alive")


async def test_bmw_does_not_renew_any_more(running_login: Callable[[], Any]) -> None:
    async with running_login() as home:
        await home.log_in()
        home.bmw.registry.revoke()
        await home.clock.forward(minutes=51)
        await until(lambda: home.tokens[-1] is None)
        assert home.status is AccountStatus.LOGIN_REQUIRED
        assert "invalid_grant" in home.problem_text
        await home.rest()
        assert home.asked(CODES) == 1, "no code before a person asks"
        assert "refresh_token" not in home.saved()
        home.manager.request_login()
        home.bmw.approve(await home.code())
        await until(lambda: home.logins == 2)
        assert home.status is AccountStatus.OK


async def test_somebody_else_learns_that_the_login_is_lost(
    running_login: Callable[[], Any],
) -> None:
    async with running_login() as home:
        await home.log_in()
        home.bmw.registry.revoke()
        with pytest.raises(Exception, match="invalid_grant"):
            await home.parts.credentials.renew()  # as REST does
        await until(lambda: home.tokens[-1] is None)
        assert "invalid_grant" in home.problem_text


@pytest.mark.parametrize(("days", "is_good"), [(13, True), (15, False)])
async def test_the_machine_slept(
    running_login: Callable[[], Any], days: float, *, is_good: bool
) -> None:
    async with running_login() as home:
        await home.log_in()
        first = home.tokens[-1]
        home.clock.leap(days=days)
        await until(lambda: home.tokens[-1] != first, within_s=120)
        assert (home.tokens[-1] is not None) is is_good
        assert ("14 days" in home.problem_text) is not is_good
