"""The login of an account: begun, confirmed, declined, and what a person is told of it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.accounts.cardata.auth.device_login import DeviceLogin
from bmw2mqtt.accounts.cardata.auth.manager import CODES_BY_ITSELF
from bmw2mqtt.accounts.cardata.auth.tokens import Credentials
from bmw2mqtt.simulator.cardata import API_SCOPE, CLIENT_ID, Fault
from bmw2mqtt.vehicle.account import AccountStatus
from tests.accounts.cardata.account_parts import AccountParts
from tests.accounts.cardata.auth.running_login import CODES
from tests.accounts.waiting import until


async def test_the_first_login_begins_by_itself(running_login: Callable[[], Any]) -> None:
    async with running_login() as home:
        code = await home.code()
        assert home.tokens == [None]
        assert home.status is AccountStatus.LOGIN_REQUIRED
        assert code in home.problem_text
        assert f"/oneid/link?user_code={code}" in home.problem_text
        await home.log_in()
        assert home.status is AccountStatus.OK
        assert home.manager.codes is None
        assert home.tokens[-1] is not None
        assert home.saved()["refresh_token"] == home.tokens[-1].refresh_token
        assert home.reports[-1] == (None, None)
    async with running_login() as home:
        await until(lambda: home.tokens)
        await home.rest()
        assert home.tokens[-1] is not None, "a restart needs no login"
        assert home.asked(CODES) == 1
        assert home.logins == 0


async def test_a_person_declines(running_login: Callable[[], Any]) -> None:
    async with running_login() as home:
        await home.decline()
        assert home.status is AccountStatus.LOGIN_REQUIRED
        await home.rest()
        assert home.asked(CODES) == 1, "no new code before a person asks"
        assert home.reports[-1][1] is None
    async with running_login() as home:
        await until(lambda: "declined" in home.problem_text, "it is still known after a restart")
        await home.rest()
        assert home.asked(CODES) == 1
        home.manager.request_login()
        await home.log_in()
        assert home.asked(CODES) == 2


@pytest.mark.no_cover
async def test_nobody_confirms(running_login: Callable[[], Any]) -> None:
    async with running_login() as home:
        home.bmw.oauth.interval_s = 30
        for number in range(CODES_BY_ITSELF):
            await until(
                lambda count=number + 1: home.asked(CODES) == count and home.manager.codes,
                within_s=340,
            )
        await until(lambda: "press Log in" in home.problem_text, within_s=340)
        await home.rest()
    async with running_login() as home:
        await until(lambda: "press Log in" in home.problem_text, "a restart gives no more of them")
        await home.rest()
        assert home.asked(CODES) == CODES_BY_ITSELF
        home.bmw.oauth.interval_s = 5
        home.manager.request_login()
        await home.log_in()


async def test_nobody_confirms_a_code_that_a_person_wanted(
    running_login: Callable[[], Any],
) -> None:
    async with running_login() as home:
        await home.decline()
        home.manager.request_login()
        await home.code()
        await home.clock.forward(seconds=301)
        await until(lambda: "not confirmed in time" in home.problem_text, "not what was before")
        await home.rest()
        assert home.asked(CODES) == 2


async def test_a_fault_of_bmws(running_login: Callable[[], Any]) -> None:
    async with running_login() as home:
        code = await home.code()
        home.bmw.oauth.exchange_failures = 1
        home.bmw.approve(code)
        await until(lambda: "failed on BMW's side" in home.problem_text)
        await home.rest()
        assert home.asked(CODES) == 1
        home.manager.request_login()
        await home.log_in()


async def test_a_service_is_not_switched_on(
    running_login: Callable[[], Any], parts: AccountParts
) -> None:
    parts.user.granted.discard(API_SCOPE)
    async with running_login() as home:
        await until(lambda: "CarData API" in home.problem_text)
        assert home.status is AccountStatus.LOGIN_REQUIRED
        await home.rest()
        asked = home.asked(CODES)
        await home.rest()
        assert home.asked(CODES) == asked
        parts.user.granted.add(API_SCOPE)
        home.manager.request_login()
        await home.log_in()


async def test_bmws_login_is_out_of_order(
    running_login: Callable[[], Any], parts: AccountParts
) -> None:
    times = CODES_BY_ITSELF + 2
    parts.break_down(Fault(path=CODES, status=503, times=times))
    async with running_login() as home:
        await until(lambda: home.status is AccountStatus.UNREACHABLE)
        await home.log_in()
        assert home.asked(CODES) == times + 1, "outages are no codes"


async def test_a_person_wants_a_login_while_bmws_is_out_of_order(
    running_login: Callable[[], Any], parts: AccountParts
) -> None:
    async with running_login() as home:
        await home.decline()
        parts.break_down(Fault(path=CODES, status=503, times=2))
        home.manager.request_login()
        await until(lambda: home.status is AccountStatus.UNREACHABLE)
        await home.log_in()


async def test_a_person_wants_another_code(running_login: Callable[[], Any]) -> None:
    async with running_login() as home:
        first = await home.code()
        for _ in range(100):
            home.manager.request_login()
            await asyncio.sleep(0)
        await home.clock.forward(seconds=20)
        assert (await home.code(), home.asked(CODES)) == (first, 1), "it has not been seen yet"
        await home.clock.forward(seconds=30)
        home.manager.request_login()
        await until(lambda: home.manager.codes and home.manager.codes.user_code != first)
        await home.log_in()


async def test_a_login_beside_a_good_one(running_login: Callable[[], Any]) -> None:
    async with running_login() as home:
        await home.log_in()
        with capture_logs() as logs:
            home.manager.request_login()
            code = await home.code()
            assert home.status is AccountStatus.OK
            assert home.manager.note == (
                f"open {home.manager.codes.verification_url} and confirm the code {code};"
                " waiting for you"
            )
            home.bmw.decline(code)
            await until(lambda: home.manager.codes is None)
        assert home.status is AccountStatus.OK
        assert home.manager.note.startswith("the new login failed: the login was declined")
        assert [e["event"] for e in logs if e["log_level"] == "warning"] == [
            "login_code_issued",
            "login_failed",
        ]
        home.manager.request_login()
        home.bmw.approve(await home.code())
        await until(lambda: home.logins == 2)
        assert home.manager.note is None
        assert home.saved()["access_token"] == home.tokens[-1].access_token


async def test_people_press_again_and_again_while_bmw_refuses(
    running_login: Callable[[], Any], parts: AccountParts
) -> None:
    async with running_login() as home:
        await home.log_in()
        parts.user.client_ids.clear()
        asked = home.asked(CODES)
        home.manager.request_login()
        assert home.manager.is_requesting_code
        await until(lambda: home.manager.note)
        assert "check client_id" in home.manager.note
        assert not home.manager.is_requesting_code
        tries = home.asked(CODES) - asked
        for _ in range(100):
            home.manager.request_login()
            await asyncio.sleep(0.001)
        assert home.asked(CODES) - asked == tries <= 3
        assert home.manager.is_requesting_code, "it will be"


async def test_what_was_refused_to_one_client_says_nothing_of_another(
    running_login: Callable[[], Any], parts: AccountParts
) -> None:
    parts.client_id = "another"
    async with running_login() as home:
        await until(lambda: "check client_id" in home.problem_text)
    parts.client_id = CLIENT_ID
    async with running_login() as home:
        await home.log_in()


async def test_a_bug_does_not_end_it(
    running_login: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stumble(*_: Any) -> None:
        raise ZeroDivisionError

    with capture_logs() as logs:
        async with running_login() as home:
            with monkeypatch.context() as patch:
                patch.setattr(DeviceLogin, "begin", stumble)
                await until(lambda: "internal error (ZeroDivisionError)" in home.problem_text)
                await home.rest()
                assert home.status is AccountStatus.ERROR
            await home.log_in()
            with monkeypatch.context() as patch:
                patch.setattr(Credentials, "renew", stumble)
                home.manager.renew_soon()
                await until(lambda: "internal error (ZeroDivisionError)" in home.problem_text)
            await home.clock.forward(minutes=20)
            await until(lambda: home.status is AccountStatus.OK)
    crashes = [entry for entry in logs if entry["event"] in {"login_crashed", "renewal_crashed"}]
    assert len(crashes) == 2, "each once"


async def test_what_is_logged_of_a_login(running_login: Callable[[], Any]) -> None:
    with capture_logs() as logs:
        async with running_login() as home:
            await home.log_in()
            tokens = home.tokens[-1]
    assert [entry["event"] for entry in logs] == ["login_code_issued", "logged_in"]
    secrets = (tokens.access_token, tokens.id_token, tokens.refresh_token, tokens.gcid)
    assert not any(secret in str(logs) for secret in secrets)


async def test_a_failed_first_login_is_logged(running_login: Callable[[], Any]) -> None:
    """Before any login the status word stays the same: only this line says what went wrong."""
    with capture_logs() as logs:
        async with running_login() as home:
            await home.decline()
    assert [e["event"] for e in logs] == ["login_code_issued", "login_failed"]
    assert "declined" in logs[-1]["reason"]
