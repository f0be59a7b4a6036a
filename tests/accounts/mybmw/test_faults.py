"""Which answer of BMW leads to which status: on renewals of the login, on logins.

Those on polls, and more of those on renewals, are in `test_days`.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.accounts.mybmw.auth.attempts import MAX_ATTEMPTS
from bmw2mqtt.simulator.mybmw import Fault, MyBmwSimulator
from bmw2mqtt.simulator.mybmw.faults import blocked, quota_exceeded, too_many_requests
from bmw2mqtt.vehicle.account import AccountStatus
from tests.fixture_cars import fixture_car

VIN = "WBA00000000DEMO02"
CONFIG = "/oauth/config"
TOKEN = "/gcdm/oauth/token"
AUTHENTICATE = "/gcdm/oauth/authenticate"

OUTAGES = {
    "408": (Fault(status=408), "unreachable", "HTTP 408"),
    "500": (Fault(status=500), "unreachable", "HTTP 500"),
    "503": (Fault(status=503, body="maintenance"), "unreachable", "HTTP 503"),
    "489": (blocked(), "blocked", "2025-09-29"),
    "quota": (quota_exceeded(), "quota_exceeded", "used up until"),
    "429": (too_many_requests(wait_s=0), "quota_exceeded", "too many requests"),
    "dropped": (Fault(drop=True), "unreachable", "does not answer"),
}

Watch = Callable[..., Any]


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("where", "what"), [*((CONFIG, what) for what in OUTAGES), (TOKEN, "quota"), (TOKEN, "429")]
)
async def test_an_outage_is_called_one_and_costs_no_login(
    watch: Watch, near_bmw: MyBmwSimulator, what: str, where: str
) -> None:
    fault, status, words = OUTAGES[what]
    watched = await watch(fixture_car(VIN))
    assert (await watched.poll()).status is AccountStatus.OK
    near_bmw.accounts.expire_access_tokens()
    near_bmw.faults.add(replace(fault, path=where))
    state = await watched.poll()
    assert (state.status, state.login_url) == (status, None)
    assert words in state.message
    near_bmw.faults.clear()
    near_bmw.faults.add(Fault(path="/eadrax-ics/", status=404))
    assert (await watched.poll()).status is AccountStatus.OK, "it comes back by itself"
    passwords = [r for r in near_bmw.requests if r.path == AUTHENTICATE]
    assert len(passwords) == 2, "the first login's two steps"


@pytest.mark.parametrize("what", OUTAGES)
async def test_an_outage_during_a_login(watch: Watch, near_bmw: MyBmwSimulator, what: str) -> None:
    fault, status, words = OUTAGES[what]
    near_bmw.faults.add(replace(fault, path=AUTHENTICATE))
    watched = await watch(fixture_car(VIN))
    state = await watched.poll()
    assert state.status == status
    assert words in state.message
    near_bmw.faults.clear()
    state = await watched.poll()
    assert state.status is AccountStatus.LOGIN_REQUIRED, "a captcha's token works once"
    assert state.login_url
    assert state.login_url in state.message
    watched.account.log_in("another-captcha")
    assert (await watched.poll()).status is AccountStatus.OK


@pytest.mark.parametrize(
    "fault", [Fault(status=200, body="<html>weird</html>"), Fault(status=503), Fault(drop=True)]
)
async def test_trouble_before_the_captcha_was_sent_leaves_it_good(
    watch: Watch, near_bmw: MyBmwSimulator, fault: Fault
) -> None:
    near_bmw.faults.add(replace(fault, path=CONFIG))
    watched = await watch(fixture_car(VIN))
    for _ in range(MAX_ATTEMPTS + 1):
        assert (await watched.poll()).status is AccountStatus.UNREACHABLE
    near_bmw.faults.clear()
    assert (await watched.poll()).status is AccountStatus.OK


async def test_a_lost_login_asks_for_a_captcha(watch: Watch, near_bmw: MyBmwSimulator) -> None:
    watched = await watch(fixture_car(VIN))
    await watched.poll()
    near_bmw.accounts.expire_access_tokens()
    near_bmw.accounts.revoke_refresh_tokens()
    state = await watched.poll()
    assert state.status is AccountStatus.LOGIN_REQUIRED
    assert state.login_url == (
        "https://bimmer-connected.readthedocs.io/en/stable/captcha/rest_of_world.html"
    )
    assert state.next_update is None
    watched.account.log_in("another-captcha")
    state = await watched.poll()
    assert (state.status, state.login_url, state.message) == (AccountStatus.OK, None, None)


async def test_a_refusal_that_does_not_say_why_is_believed_the_fifth_time(
    watch: Watch, near_bmw: MyBmwSimulator
) -> None:
    watched = await watch(fixture_car(VIN))
    await watched.poll()
    near_bmw.accounts.expire_access_tokens()
    near_bmw.faults.add(Fault(path=TOKEN, status=401, body={"error": "invalid_client"}))
    statuses = [(await watched.poll()).status for _ in range(5)]
    assert statuses == [*[AccountStatus.UNREACHABLE] * 4, AccountStatus.LOGIN_REQUIRED]


async def test_a_wrong_password_is_not_tried_for_ever(
    watch: Watch, near_bmw: MyBmwSimulator
) -> None:
    watched = await watch(fixture_car(VIN))
    user = near_bmw.accounts.users[-1]
    user.password = "another"
    for number in range(MAX_ATTEMPTS + 3):
        watched.account.log_in(f"captcha-{number}")
        state = await watched.poll()
        assert state.status is AccountStatus.LOGIN_REQUIRED
        assert "password" in state.message
    assert len([r for r in near_bmw.requests if r.path == AUTHENTICATE]) == MAX_ATTEMPTS
    assert "might lock" in state.message


async def test_a_captcha_is_never_sent_twice(watch: Watch, near_bmw: MyBmwSimulator) -> None:
    watched = await watch(fixture_car(VIN))
    near_bmw.accounts.users[-1].password = "another"
    for _ in range(3):
        watched.account.log_in("the-same")
        assert (await watched.poll()).status is AccountStatus.LOGIN_REQUIRED
    assert len([r for r in near_bmw.requests if r.path == AUTHENTICATE]) == 1


def documents(directory: Path) -> list[Path]:
    return [p for p in directory.rglob("*.json") if not p.name.startswith("tokens-")]


async def test_no_secret_is_written_but_the_tokens(
    watch: Watch, near_bmw: MyBmwSimulator, tmp_path: Path
) -> None:
    watched = await watch(fixture_car(VIN))
    user = near_bmw.accounts.users[-1]
    user.password, configured = "another", "the-captcha-9"
    watched.account.log_in(configured)
    assert (await watched.poll()).status is AccountStatus.LOGIN_REQUIRED
    files = documents(tmp_path)
    assert files
    for path in files:
        assert configured not in path.read_text()
        assert path.stat().st_mode & 0o077 == 0


async def test_the_identity_is_kept(watch: Watch, near_bmw: MyBmwSimulator) -> None:
    watched = await watch(fixture_car(VIN))
    await watched.poll()
    agents = {
        r.headers["x-user-agent"].partition(";")[0]
        for r in near_bmw.requests
        if "x-user-agent" in r.headers
    }
    assert len(agents) == 1, "login, list and state: one installation"
