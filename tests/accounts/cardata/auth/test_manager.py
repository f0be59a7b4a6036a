"""The login of an account: begun, kept, lost, and what a person is told of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.accounts.cardata.auth.device_login import DeviceLogin
from bmw2mqtt.accounts.cardata.auth.manager import CODES_BY_ITSELF, LoginManager
from bmw2mqtt.accounts.cardata.auth.tokens import Credentials, OAuthTokens
from bmw2mqtt.backoff import Backoff
from bmw2mqtt.simulator.cardata import API_SCOPE, CLIENT_ID, Fault
from bmw2mqtt.vehicle.account import AccountStatus
from tests.accounts.cardata.account_parts import AccountParts
from tests.accounts.waiting import until

CODES, TOKEN = "device/code", "oauth/token"


class RunningLogin:
    """A login manager, and what it reported."""

    def __init__(self, parts: AccountParts) -> None:
        parts.restart()
        self.bmw, self.clock, self.parts = parts.bmw, parts.clock, parts
        self.tokens: list[OAuthTokens | None] = []
        self.logins = 0
        self.reports: list[tuple[str | None, str | None]] = []
        """Problem and code, as a person sees them, each time that something may have changed."""
        self.manager = LoginManager(
            "home",
            parts.credentials,
            DeviceLogin(parts.oauth, now=parts.clock),
            parts.state_file,
            on_tokens=self.tokens.append,
            on_login=self._count_login,
            on_change=self._note,
            now=parts.clock,
        )

    def _count_login(self) -> None:
        self.logins += 1

    def _note(self) -> None:
        codes = self.manager.codes
        self.reports.append((self.problem_text or None, codes.user_code if codes else None))

    @property
    def problem_text(self) -> str:
        return str(self.manager.problem or "")

    @property
    def status(self) -> AccountStatus:
        problem = self.manager.problem
        return problem.status if problem else AccountStatus.OK

    def asked(self, path: str) -> int:
        return sum(path in request.path for request in self.bmw.requests)

    async def code(self) -> str:
        """Wait for a code that waits for its user."""
        await until(lambda: self.manager.codes, within_s=3600)
        codes = self.manager.codes
        assert codes is not None
        return codes.user_code

    async def log_in(self) -> None:
        self.bmw.approve(await self.code())
        await until(lambda: self.logins)

    async def rest(self) -> None:
        """Give it time to do what it should not do."""
        await self.clock.forward(minutes=2)


@pytest.fixture
def running_login(parts: AccountParts) -> Callable[[], Any]:
    """Run a login manager; a second one is another run of the bridge."""

    @asynccontextmanager
    async def run() -> AsyncIterator[RunningLogin]:
        running_login = RunningLogin(parts)
        task = asyncio.create_task(running_login.manager.run())
        try:
            yield running_login
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await parts.credentials.close()

    return run


def saved(running_login: RunningLogin) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        (running_login.parts.folder / "tokens-home.json").read_bytes()
    )
    return document


# Logins


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
        assert saved(home)["refresh_token"] == home.tokens[-1].refresh_token
        assert home.reports[-1] == (None, None)
    async with running_login() as home:
        await until(lambda: home.tokens)
        await home.rest()
        assert home.tokens[-1] is not None, "a restart needs no login"
        assert home.asked(CODES) == 1
        assert home.logins == 0


async def test_a_person_declines(running_login: Callable[[], Any]) -> None:
    async with running_login() as home:
        home.bmw.decline(await home.code())
        await until(lambda: "declined" in home.problem_text)
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
        for number in range(CODES_BY_ITSELF):
            await until(
                lambda count=number + 1: home.asked(CODES) == count and home.manager.codes,
                within_s=310,
            )
        await until(lambda: "press Log in" in home.problem_text, within_s=310)
        await home.rest()
    async with running_login() as home:
        await until(lambda: "press Log in" in home.problem_text, "a restart gives no more of them")
        await home.rest()
        assert home.asked(CODES) == CODES_BY_ITSELF
        home.manager.request_login()
        await home.log_in()


async def test_nobody_confirms_a_code_that_a_person_wanted(
    running_login: Callable[[], Any],
) -> None:
    async with running_login() as home:
        home.bmw.decline(await home.code())
        await until(lambda: "declined" in home.problem_text)
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
        home.bmw.decline(await home.code())
        await until(lambda: "declined" in home.problem_text)
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
        assert saved(home)["access_token"] == home.tokens[-1].access_token


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
            home.bmw.decline(await home.code())
            await until(lambda: "declined" in home.problem_text)
    assert [e["event"] for e in logs] == ["login_code_issued", "login_failed"]
    assert "declined" in logs[-1]["reason"]


# Renewals


async def test_renewed_ahead_of_expiry(running_login: Callable[[], Any]) -> None:
    async with running_login() as home:
        await home.log_in()
        first = home.tokens[-1]
        await home.clock.forward(minutes=48)
        assert home.tokens[-1] == first
        await home.clock.forward(minutes=3)
        await until(lambda: home.tokens[-1] != first)
        assert saved(home)["refresh_token"] == home.tokens[-1].refresh_token
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
        assert saved(home)["refresh_token"] == login.refresh_token
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
        assert "refresh_token" not in saved(home)
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
