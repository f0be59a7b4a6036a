"""Each of BMW's answers at each step of China's login, and at its renewal."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from bmw2mqtt.accounts.mybmw.auth.attempts import MAX_ATTEMPTS
from bmw2mqtt.simulator.mybmw import Fault
from bmw2mqtt.simulator.mybmw.faults import blocked, quota_exceeded, too_many_requests
from bmw2mqtt.simulator.tls import Certificates
from tests import virtual_time
from tests.accounts.mybmw.simulated_day import NO_PICTURES, ONE_CAR, Day, simulated_day

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*getdata.*:DeprecationWarning"),
    pytest.mark.no_cover,
]

RENEWAL, PASSWORD = "/oauth/token", "/login/pwd"
STEPS = ("/publickey", "/slider-captcha", "/check-captcha", PASSWORD, RENEWAL)
LOST = Fault(path=RENEWAL, status=400, body={"error": "invalid_grant"})
MINUTE = timedelta(minutes=1)
HOUR_S = 3600

FAULTS = {
    "489": (blocked(), "blocked", "2025-09-29"),
    "quota": (quota_exceeded(replenished_in="05:00:00"), "quota_exceeded", "used up until"),
    "429": (too_many_requests(wait_s=9), "quota_exceeded", "too many requests"),
    "408": (Fault(status=408), "unreachable", "BMW's login is out of order (HTTP 408)"),
    "500": (Fault(status=500), "unreachable", "BMW's login is out of order (HTTP 500)"),
    "503": (Fault(status=503), "unreachable", "BMW's login is out of order (HTTP 503)"),
    "no answer": (Fault(delay_s=100, drop=True), "unreachable", "BMW's login does not answer"),
    "broken": (Fault(drop=True), "unreachable", "BMW's login does not answer"),
    "unreadable": (Fault(status=200, body="<html>weird</html>"), "unreachable", "cannot be read"),
    "no json object": (Fault(status=200, body=[]), "unreachable", "cannot be read"),
    "401": (Fault(status=401), "unreachable", "BMW's login refuses the request (HTTP 401)"),
    "422": (Fault(status=422), "unreachable", "BMW's login refuses the request (HTTP 422)"),
}
REFUSALS = ("401", "422")
CHECKED_BY_STATUS = ("unreadable", "no json object")
"""The library reads nothing of the answer to the puzzle's solution but its status."""


@asynccontextmanager
async def in_china(certificates: Certificates, data_dir: Path) -> AsyncIterator[Day]:
    async with (
        simulated_day(certificates, data_dir, "china", ONE_CAR) as day,
        day.running(poll_interval=0),
    ):
        await day.until("ok", MINUTE)
        yield day


def expected_of(name: str, step: str) -> tuple[str, str]:
    """Return status and words."""
    _, status, words = FAULTS[name]
    if name in REFUSALS and step == PASSWORD:
        return "login_required", "check phone number (with 86) and password"
    if name in REFUSALS and step == RENEWAL:
        return "unreachable", "BMW does not renew the login"
    return status, words


async def ask(day: Day) -> None:
    """Let the account ask BMW once."""
    polled = day.account.polling.outcomes.total()
    day.account.refresh()
    while day.account.polling.outcomes.total() == polled:  # noqa: ASYNC110 - time is virtual
        await asyncio.sleep(1)
    await asyncio.sleep(100)  # requests that nobody waits for any more are recorded, too


def mend(day: Day) -> None:
    day.bmw.faults.clear()
    day.bmw.faults.add(NO_PICTURES)


@pytest.mark.parametrize("step", STEPS)
def test_a_fault_at_a_step(step: str, certificates: Certificates, tmp_path: Path) -> None:
    virtual_time.run(partial(try_step, step, certificates, tmp_path))


async def try_step(step: str, certificates: Certificates, data_dir: Path) -> None:
    async with in_china(certificates, data_dir) as day:
        for name, (fault, *_) in FAULTS.items():
            if step == "/check-captcha" and name in CHECKED_BY_STATUS:
                continue
            passwords, asked = day.asked(PASSWORD), day.asked()
            day.bmw.accounts.expire_access_tokens()
            day.bmw.faults.add(replace(fault, path=step))
            if step != RENEWAL:
                day.bmw.faults.add(LOST)
            await ask(day)
            status, words = expected_of(name, step)
            assert (name, day.state.status, day.state.login_url) == (name, status, None)
            assert words in str(day.state.message)
            assert day.asked(PASSWORD) - passwords == (1 if step == PASSWORD else 0), name
            assert day.asked() - asked <= 8, name
            mend(day)
            await asyncio.sleep(HOUR_S)
            await ask(day)
            assert (name, day.state.status) == (name, "ok"), "the login was kept"
        assert day.asked(PASSWORD) == (1 if step != PASSWORD else 1 + len(FAULTS))


@pytest.mark.parametrize("step", STEPS[:-1])
def test_it_comes_back_by_itself(step: str, certificates: Certificates, tmp_path: Path) -> None:
    async def run() -> None:
        async with simulated_day(certificates, tmp_path, "china", ONE_CAR) as day:
            day.bmw.faults.add(Fault(path=step, status=503))
            async with day.running():
                await day.until("unreachable", MINUTE)
                await asyncio.sleep(HOUR_S)
                mend(day)
                await day.until("ok", timedelta(hours=1))

    virtual_time.run(run)


@pytest.mark.parametrize("name", ["401", "422", "unreadable"])
def test_a_password_is_not_tried_for_ever(
    name: str, certificates: Certificates, tmp_path: Path
) -> None:
    """Not even if a person presses refresh again and again."""

    async def run() -> None:
        async with simulated_day(certificates, tmp_path, "china", ONE_CAR) as day:
            day.bmw.faults.add(replace(FAULTS[name][0], path=PASSWORD))
            async with day.running():
                await asyncio.sleep(60)
                for _ in range(MAX_ATTEMPTS + 3):
                    await ask(day)
                assert day.state.status == "login_required"
                assert "might lock" in str(day.state.message)
                await asyncio.sleep(23 * HOUR_S)
            async with day.running():
                await asyncio.sleep(60)
            assert day.asked(PASSWORD) == MAX_ATTEMPTS
            mend(day)
            async with day.running():
                await asyncio.sleep(2 * HOUR_S)
                await ask(day)
                assert day.state.status == "ok", "the next day it may be tried again"

    virtual_time.run(run)
