"""CarData's tokens: renewed in time, never lost, on disk before they are used."""

import asyncio
import errno
import os
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.accounts.cardata.auth.tokens import OAuthTokens
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.simulator.cardata import Fault, oauth_error
from bmw2mqtt.vehicle.errors import LoginOutage, LoginRequired, NoConnection
from tests.accounts.cardata.account_parts import AccountParts, SteppedClock
from tests.accounts.waiting import until, wait_written

TOKEN = "/oauth/token"


class Held:
    """An answer of BMW's that waits until the test lets it go."""

    def __init__(self) -> None:
        self.is_asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def __call__(self) -> None:
        self.is_asked.set()
        await self.may_answer.wait()


def renewals(parts: AccountParts) -> int:
    return sum(b"grant_type=refresh_token" in request.body for request in parts.bmw.requests)


@pytest.fixture
async def account(parts: AccountParts) -> AccountParts:
    """An account that is logged in."""
    await parts.log_in()
    return parts


async def test_without_a_login_one_is_wanted(parts: AccountParts) -> None:
    for ask in (parts.credentials.fresh, parts.credentials.renew):
        with pytest.raises(LoginRequired, match="login"):
            await ask()
    assert not parts.bmw.requests


async def test_tokens_survive_a_restart_for_the_same_client_alone(account: AccountParts) -> None:
    tokens = account.credentials.current
    account.restart()
    assert account.credentials.current == tokens
    account.client_id = "11111111-1111-1111-1111-111111111111"
    account.restart()
    assert account.credentials.current is None


async def test_nobody_else_can_read_them(account: AccountParts) -> None:
    assert (account.folder / "tokens-home.json").stat().st_mode & 0o777 == 0o600


async def test_they_are_renewed_ten_minutes_ahead(account: AccountParts) -> None:
    first = await account.credentials.fresh()
    await account.clock.forward(minutes=48)
    assert await account.credentials.fresh() == first
    await account.clock.forward(minutes=2)
    second = await account.credentials.fresh()
    assert second.refresh_token != first.refresh_token
    assert account.credentials.renew_at
    ahead = second.expires_at - account.credentials.renew_at
    assert timedelta(minutes=10) <= ahead <= timedelta(minutes=11)
    account.restart()
    assert account.credentials.current == second


async def test_short_lived_tokens_are_not_renewed_at_each_use(account: AccountParts) -> None:
    account.bmw.registry.lifetimes.access_token_s = 60
    await account.credentials.renew()
    for _ in range(4):
        await account.credentials.fresh()
        await account.clock.forward(seconds=10)
    assert renewals(account) == 1


@pytest.mark.parametrize("lifetime_s", [1, 0, -5, 10**9])
async def test_tokens_are_renewed_once_a_minute_at_most(
    account: AccountParts, lifetime_s: float
) -> None:
    account.bmw.registry.lifetimes.access_token_s = lifetime_s
    await account.credentials.renew()
    for _ in range(120):
        await account.credentials.fresh()
        await account.clock.forward(seconds=5)
    assert renewals(account) <= 1 + 10


async def test_tokens_that_are_refused_at_once_are_renewed_once_a_minute(
    account: AccountParts,
) -> None:
    for _ in range(12):
        await account.credentials.renew()
        await account.clock.forward(seconds=5)
    assert renewals(account) == 1
    await account.credentials.renew()
    assert renewals(account) == 2


async def test_callers_at_the_same_time_share_one_renewal(account: AccountParts) -> None:
    await account.clock.forward(hours=1)
    found = await asyncio.gather(*(account.credentials.fresh() for _ in range(5)))
    assert len({tokens.access_token for tokens in found}) == 1
    assert renewals(account) == 1


async def test_a_caller_that_is_cancelled_loses_no_token(account: AccountParts) -> None:
    answer = Held()
    account.break_down(Fault(path=TOKEN, hold=answer, times=1))
    caller = asyncio.create_task(account.credentials.renew())
    await answer.is_asked.wait()
    caller.cancel()
    await asyncio.wait([caller])
    answer.may_answer.set()
    assert caller.cancelled()
    await account.credentials.close()
    account.restart()
    assert await account.credentials.renew(), "BMW takes what is on disk"


@pytest.mark.parametrize("fault", [{}, {"status": 400, "body": {"error": "invalid_grant"}}])
async def test_a_login_that_comes_during_a_renewal_wins(
    account: AccountParts, fault: dict[str, Any]
) -> None:
    answer = Held()
    account.break_down(Fault(path=TOKEN, hold=answer, times=1, **fault))
    renewal = asyncio.create_task(account.credentials.renew())
    await answer.is_asked.wait()
    tokens = await account.log_in()
    answer.may_answer.set()
    assert await renewal == tokens
    account.restart()
    assert account.credentials.current == tokens


@pytest.mark.parametrize("omitted", ["gcid", "refresh_token", "scope"])
async def test_what_a_renewal_leaves_out_is_carried_forward(
    account: AccountParts, omitted: str
) -> None:
    account.bmw.registry.rotates = omitted != "refresh_token"
    before = await account.credentials.fresh()
    account.bmw.oauth.omitted_on_refresh = {omitted}
    tokens = await account.credentials.renew()
    assert getattr(tokens, omitted) == getattr(before, omitted)
    account.restart()
    assert await account.credentials.renew()


async def test_a_rotated_token_is_kept_though_the_answer_is_not_whole(
    account: AccountParts,
) -> None:
    account.bmw.oauth.omitted_on_refresh = {"access_token"}
    with pytest.raises(LoginOutage, match="access_token"):
        await account.credentials.renew()
    account.bmw.oauth.omitted_on_refresh = set()
    account.restart()
    assert await account.credentials.renew()


@pytest.mark.parametrize(
    "fault",
    [
        Fault(path=TOKEN, status=500),
        Fault(path=TOKEN, status=503),
        Fault(path=TOKEN, status=429, body={"error": "slow"}),
        Fault(path=TOKEN, status=403, body="<html>"),
        Fault(path=TOKEN, status=200, body="[]"),
        Fault(path=TOKEN, drop=True),
        oauth_error("something_new"),
    ],
    ids=["500", "503", "429", "html", "list", "network", "unknown"],
)
async def test_an_outage_costs_no_login(account: AccountParts, fault: Fault) -> None:
    account.break_down(fault)
    await account.clock.forward(minutes=55)
    assert await account.credentials.fresh(), "the old ones still work"
    await account.clock.forward(minutes=10)
    with pytest.raises(LoginOutage):
        await account.credentials.fresh()
    account.break_down()
    await account.clock.forward(seconds=31)
    assert await account.credentials.fresh()


async def test_between_two_attempts_bmw_has_half_a_minute(account: AccountParts) -> None:
    account.break_down(Fault(path=TOKEN, status=503))
    for _ in range(3):
        with pytest.raises(LoginOutage, match="503"):
            await account.credentials.renew()
        await account.clock.forward(seconds=12)
    assert renewals(account) == 1
    with pytest.raises(LoginOutage):
        await account.credentials.renew()
    assert renewals(account) == 2


async def test_without_a_network_the_tokens_are_kept(account: AccountParts) -> None:
    await account.bmw.stop()
    with pytest.raises(NoConnection):
        await account.credentials.renew()
    await account.bmw.start()
    await account.clock.forward(seconds=30)
    assert await account.credentials.renew()


@pytest.mark.parametrize(
    ("word", "status", "remedy"),
    [
        ("invalid_grant", 400, "log in again"),
        ("invalid_client", 401, "create one in BMW's portal"),
        ("expired_token", 401, "log in again"),
    ],
)
async def test_a_lost_login_is_not_tried_again(
    account: AccountParts, word: str, status: int, remedy: str
) -> None:
    account.break_down(oauth_error(word, status=status))
    for _ in range(3):
        with pytest.raises(LoginRequired, match=remedy):
            await account.credentials.renew()
        with pytest.raises(LoginRequired, match=remedy):
            await account.credentials.fresh()
        await account.clock.forward(hours=1)
    assert renewals(account) == 1
    account.break_down()
    await account.log_in()
    assert await account.credentials.fresh()


async def test_a_bad_request_means_a_lost_login_at_the_second_time(account: AccountParts) -> None:
    account.break_down(oauth_error("invalid_request"))
    with pytest.raises(LoginOutage):
        await account.credentials.renew()
    await account.clock.forward(seconds=30)
    with pytest.raises(LoginRequired, match="log in again"):
        await account.credentials.renew()


async def test_after_fourteen_days_bmw_says_no_and_a_person_hears_why(
    account: AccountParts,
) -> None:
    await account.clock.forward(days=14, seconds=1)
    account.restart()
    with pytest.raises(LoginRequired, match="14 days"):
        await account.credentials.fresh()
    assert renewals(account) == 1


async def test_a_clock_that_is_wrong_loses_no_login(account: AccountParts) -> None:
    account.bmw.registry.clock = SteppedClock(account.clock.now)
    account.clock.leap(days=20)
    account.restart()
    assert await account.credentials.fresh()
    account.clock.leap(days=-20)
    account.restart()
    assert await account.credentials.fresh()


async def test_two_weeks_of_renewals_never_lose_the_login(account: AccountParts) -> None:
    for _ in range(20):
        await account.clock.forward(days=13)
        account.restart()
        await account.credentials.fresh()


async def test_a_clock_that_was_set_back_does_not_stretch_a_tokens_life(
    account: AccountParts,
) -> None:
    account.clock.leap(days=-1)
    await account.credentials.fresh()
    assert renewals(account) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("refresh_token", "x"),
        lambda text: text.replace("issued_at", "x"),
        lambda text: text.replace("expires_at", "x"),
        lambda text: text[:-30],
        lambda _: "{}",
    ],
)
async def test_a_damaged_file_means_a_login_and_no_crash(
    account: AccountParts, damage: Any
) -> None:
    path = account.folder / "tokens-home.json"
    path.write_text(damage(path.read_text()))
    account.restart()
    assert account.credentials.current is None


# A rotation that is interrupted


class Killed(BaseException):
    """The process is gone."""


def kill_at(step: str, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    is_dead = threading.Event()

    def die(*_: Any) -> None:
        is_dead.set()
        raise Killed

    monkeypatch.setattr(os if step == "fsync" else Path, step, die)
    return is_dead


@pytest.mark.parametrize("step", ["fsync", "replace"])
async def test_a_kill_after_the_tokens_are_written_costs_no_login(
    account: AccountParts, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await account.credentials.fresh()
    answer = await account.oauth.refresh(before.refresh_token)
    await account.clock.forward(seconds=1)
    tokens = OAuthTokens.parse(answer, account.clock.now, before)
    is_dead = kill_at(step, monkeypatch)
    taking = asyncio.create_task(account.credentials.replace(tokens))
    await until(is_dead.is_set)
    wait_written(account.store)
    taking.cancel()
    assert account.credentials.current == before, "on disk before they are used"
    monkeypatch.undo()
    account.restart()
    assert account.credentials.current == tokens
    assert await account.credentials.renew(), "BMW takes what is on disk"


async def test_a_kill_while_they_are_written_leaves_the_old_ones(account: AccountParts) -> None:
    before = account.credentials.current
    (account.folder / ".tokens-home.json.new").write_text('{"client_id": "0f0e')
    account.restart()
    assert account.credentials.current == before
    assert await account.credentials.renew()
    account.restart()
    assert account.credentials.current != before


async def test_a_finished_rotation_leaves_no_draft_that_could_win(account: AccountParts) -> None:
    await account.credentials.renew()
    assert Store(account.folder).load_draft("tokens-home") == {}


async def test_a_full_disk_is_said_once_and_the_tokens_work(
    account: AccountParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", refuse)
    with capture_logs() as lines:
        for _ in range(3):
            await account.clock.forward(hours=1)
            await account.credentials.fresh()
    assert [line["event"] for line in lines] == ["tokens_not_saved"]
    assert "No space left" in lines[0]["reason"]
    monkeypatch.undo()
    newest = await account.credentials.fresh()
    account.restart()
    assert account.credentials.current == newest, "saved as soon as there was room"


async def test_a_login_that_comes_during_half_an_answer_wins(account: AccountParts) -> None:
    answer = Held()
    body = {"refresh_token": "newer"}
    account.break_down(Fault(path=TOKEN, status=200, body=body, hold=answer, times=1))
    renewal = asyncio.create_task(account.credentials.renew())
    await answer.is_asked.wait()
    old = account.credentials.current
    assert old is not None
    login = replace(old, refresh_token="of the new login")
    await account.credentials.replace(login)
    answer.may_answer.set()
    with pytest.raises(LoginOutage):
        await renewal
    assert account.credentials.current == login
    account.restart()
    assert account.credentials.current == login
