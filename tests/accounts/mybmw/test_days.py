"""Each answer in the table of docs/accounts.md: status, requests a day, and what comes after.

The answers whose requests a limit per day or a wait of hours may change last for a day, and one of
each kind of outage. Back-off is even after an hour: the last two of `SOME_HOURS` show what the rest
of the day would bring.
"""

import asyncio
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.accounts.request_counter import BUCKET
from bmw2mqtt.simulator.mybmw import Fault
from bmw2mqtt.simulator.mybmw.faults import blocked, quota_exceeded, too_many_requests
from bmw2mqtt.simulator.tls import Certificates
from tests import virtual_time
from tests.accounts.mybmw.simulated_day import (
    DAY,
    NO_PICTURES,
    ONE_CAR,
    VINS,
    Day,
    bound,
    promised,
    simulated_day,
)

pytestmark = pytest.mark.no_cover

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SOME_HOURS = 3 * HOUR
POLLS = "/eadrax-v"
RENEWAL = "/oauth/token"
LOGIN = "/gcdm/"
CHINAS_PASSWORD = "/login/pwd"
NOTHING = Fault(path="nothing")
GARBAGE = Fault(status=200, body="<html>weird</html>")
CHINA_USES_GETDATA = pytest.mark.filterwarnings("ignore:.*getdata.*:DeprecationWarning")


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What goes wrong, after a first poll that went well unless it is a login's."""

    row: str
    """The first cell of the table's row."""
    fault: Fault = NOTHING
    where: str = POLLS
    is_login_lost: bool = False
    statuses: tuple[str, ...]
    """What the account says in that time, in order."""
    words: str = ""
    back_within: timedelta | None = HOUR
    """How long it takes to come back by itself afterwards; `None`: a person has to act."""
    region: str = "rest_of_world"
    settings: Any = None
    connection: str | None = None
    """Why there is none."""
    lasts: timedelta = SOME_HOURS

    @property
    def is_from_the_start(self) -> bool:
        return self.statuses[0] != "ok"


def trouble(name: str, row: str, statuses: str, **more: Any) -> Any:
    marks = [CHINA_USES_GETDATA] if more.get("region") == "china" else []
    return pytest.param(
        Trouble(row=row, statuses=tuple(statuses.split()), **more), id=name, marks=marks
    )


OUTAGES = {
    "408": (Fault(status=408), "is out of order (HTTP 408)"),
    "500": (Fault(status=500), "is out of order (HTTP 500)"),
    "503": (Fault(status=503, body="maintenance"), "is out of order (HTTP 503)"),
    "no answer": (Fault(delay_s=100, drop=True), "does not answer"),
    "broken": (Fault(drop=True), "does not answer"),
}


def lasts_of(outage: str) -> timedelta:
    """Return a day for the one that leads to the most requests."""
    return DAY if outage == "broken" else SOME_HOURS


OUTAGE = "408, 5xx, no answer in time, a connection that breaks"
BLOCKED = '489 "Blocked", to a poll, a renewal or a login'
NO_TIME = "403 with the word quota, 429, without a time"
NO_CONNECTION = "no connection: name, network, certificate"
UNREADABLE_LOGIN = "a login that cannot be read"
FORBIDDEN = "403 without the word quota, another 4xx"

TROUBLES = [
    trouble("ok", "what was asked for", "ok"),
    trouble(
        "489 poll",
        BLOCKED,
        "ok blocked",
        fault=blocked(),
        words="2025-09-29",
        back_within=7 * HOUR,
        lasts=DAY,
    ),
    trouble(
        "489 renewal",
        BLOCKED,
        "ok blocked",
        fault=blocked(),
        where=RENEWAL,
        back_within=7 * HOUR,
        words="2025-09-29",
        lasts=DAY,
    ),
    trouble(
        "489 login",
        BLOCKED,
        "blocked login_required",
        fault=blocked(),
        where=LOGIN,
        back_within=None,
        lasts=DAY,
    ),
    *(
        trouble(
            f"quota {time}",
            '403 "Out of call volume quota. Quota will be replenished in HH:MM:SS"',
            "ok quota_exceeded",
            fault=quota_exceeded(replenished_in=time),
            words="used up until",
            back_within=timedelta(hours=int(time[:2]) + 1.02),
            lasts=DAY if time[:2] != "00" else SOME_HOURS,
        )
        for time in ("00:00:10", "00:12:34", "09:00:00")
    ),
    trouble(
        "429",
        '429 "Try again in N seconds"',
        "ok quota_exceeded",
        fault=too_many_requests(wait_s=9),
        words="too many requests",
    ),
    trouble("quota", NO_TIME, "ok quota_exceeded", fault=Fault(status=403, body="Quota Exceeded")),
    trouble("429 mute", NO_TIME, "ok quota_exceeded", fault=Fault(status=429)),
    *(
        trouble(
            f"{name} poll",
            OUTAGE,
            "ok unreachable",
            fault=fault,
            words=f"BMW's server {words}",
            lasts=lasts_of(name),
        )
        for name, (fault, words) in OUTAGES.items()
    ),
    *(
        trouble(
            f"{name} renewal",
            "the same to the renewal of a login",
            "ok unreachable",
            fault=fault,
            where=RENEWAL,
            words=f"BMW's login {words}",
            # one try each 31 minutes: the last two hours have more than their share
            lasts=DAY if name in {"no answer", "broken"} else SOME_HOURS,
        )
        for name, (fault, words) in OUTAGES.items()
    ),
    *(
        trouble(
            f"{name} login {where}",
            "the same to a login",
            "unreachable login_required",
            fault=fault,
            where=where,
            words="captcha",
            back_within=None,
        )
        for name, (fault, _) in OUTAGES.items()
        for where in ("/oauth/config", LOGIN)
    ),
    *(
        trouble(
            f"{name} china {where}",
            "the same to a login in China",
            "unreachable",
            fault=fault,
            where=where,
            region="china",
            words=f"BMW's login {words}",
            lasts=lasts_of(name) if where == CHINAS_PASSWORD else SOME_HOURS,
        )
        for name, (fault, words) in OUTAGES.items()
        if name not in {"408", "500"}
        for where in ("/publickey", CHINAS_PASSWORD)
    ),
    *(
        trouble(name, NO_CONNECTION, "ok unreachable", connection=name, words=words)
        for name, words in (
            ("name", "its name cannot be resolved"),
            ("network", "cannot be reached"),
            ("certificate", "certificate is not trusted"),
        )
    ),
    trouble(
        "401",
        "401 to a login it has just given",
        "ok unreachable",
        fault=Fault(status=401),
        words="its own new login",
    ),
    trouble("403", FORBIDDEN, "ok unreachable", fault=Fault(status=403), words="HTTP 403"),
    trouble("404", FORBIDDEN, "ok unreachable", fault=Fault(status=404), words="HTTP 404"),
    trouble(
        "unreadable", "an answer that cannot be read", "ok error", fault=GARBAGE, words="be read"
    ),
    trouble("unreadable renewal", UNREADABLE_LOGIN, "ok unreachable", fault=GARBAGE, where=RENEWAL),
    trouble(
        "unreadable config",
        UNREADABLE_LOGIN,
        "ok unreachable",
        fault=GARBAGE,
        where="/oauth/config",
        is_login_lost=True,
    ),
    trouble(
        "unreadable china",
        UNREADABLE_LOGIN,
        "unreachable",
        fault=GARBAGE,
        where="/slider-captcha",
        region="china",
    ),
    trouble(
        "invalid_grant",
        "renewal refused as `invalid_grant`, no captcha at hand",
        "ok login_required",
        fault=Fault(status=400, body={"error": "invalid_grant"}),
        where=RENEWAL,
        words="captcha",
        back_within=None,
        lasts=DAY,
    ),
    trouble(
        "refused",
        "renewal refused without a reason",
        "ok unreachable login_required",
        fault=Fault(status=401, body={"error": "invalid_client"}),
        where=RENEWAL,
        back_within=None,
        lasts=DAY,
    ),
    *(
        trouble(
            f"{status} login",
            "401 or another 4xx to user name, password and captcha",
            "login_required",
            fault=Fault(status=status),
            where=LOGIN,
            words="check username and password",
            back_within=None,
        )
        for status in (400, 401, 422)
    ),
    *(
        trouble(
            f"{status} china",
            "China: 4xx to the password",
            "login_required",
            fault=Fault(status=status),
            where=CHINAS_PASSWORD,
            region="china",
            words="check phone number",
            back_within=None,
        )
        for status in (401, 422)
    ),
    trouble(
        "china puzzle",
        "China: 4xx before the password, as to its puzzle",
        "unreachable",
        fault=Fault(status=422),
        where="/check-captcha",
        region="china",
        words="refuses the request",
    ),
    trouble(
        "no captcha",
        "nothing yet, and no captcha at hand",
        "login_required",
        settings={"captcha_token": None},
        words="captcha",
        back_within=None,
    ),
]


def test_every_row_of_the_table_is_tried() -> None:
    assert {each.values[0].row for each in TROUBLES} == promised().keys()


@pytest.mark.parametrize("what", TROUBLES)
def test_a_row(
    what: Trouble, certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda least, _: least)  # the most requests
    virtual_time.run(partial(live_through, what, certificates, tmp_path))


async def live_through(what: Trouble, certificates: Certificates, directory: Path) -> None:
    vins = VINS if what.lasts == DAY else ONE_CAR
    async with simulated_day(certificates, directory / "data", what.region, vins) as day:
        if what.is_from_the_start:
            await begin(what, day, directory)
        async with day.running(**(what.settings or {})):
            if not what.is_from_the_start:
                await day.until("ok", MINUTE)
                await begin(what, day, directory)
            began = datetime.now(UTC)
            await asyncio.sleep(600)
            check_first_attempt(day, began, what)
            await asyncio.sleep((what.lasts - 10 * MINUTE).total_seconds())
            check_requests(day, what)
            await end(what, day)
            await come_back(day, what)


async def begin(what: Trouble, day: Day, directory: Path) -> None:
    loop: Any = asyncio.get_running_loop()
    day.bmw.faults.add(replace(what.fault, path=what.where))
    if what.where == RENEWAL or what.is_login_lost:
        day.bmw.accounts.expire_access_tokens()
    if what.connection == "name":
        loop.names.clear()
    elif what.connection is not None:
        await day.bmw.stop()
    if what.connection == "certificate":
        day.bmw.certificates = Certificates.create(directory / "another authority")
        await day.bmw.start()


async def end(what: Trouble, day: Day) -> None:
    loop: Any = asyncio.get_running_loop()
    day.bmw.faults.clear()
    day.bmw.faults.add(NO_PICTURES)
    if what.connection is None:
        return
    loop.names.add("localhost")
    await day.bmw.stop()
    day.bmw.certificates = day.certificates
    await day.bmw.start()


def check_first_attempt(day: Day, began: datetime, what: Trouble) -> None:
    """The first attempt after the trouble began has said what is wrong, and all of it is true."""
    said = [(at, state) for at, state in day.watcher.states if state.status != "starting"]
    expected, last_update = what.statuses, None
    if what.statuses[0] == "ok":
        said = [(at, state) for at, state in said if at > began]
        expected, last_update = what.statuses[1:] or ("ok",), began
    at, state = said[0]
    assert state.status == expected[0]
    assert (state.next_update is None) == (state.status == "login_required")
    assert state.next_update is None or at < state.next_update
    assert state.last_update == (at if state.status == "ok" else last_update)
    assert state.requests_24h == sum(request.at <= at for request in day.bmw.requests)


def check_requests(day: Day, what: Trouble) -> None:
    """One status after the other, no more requests a day than promised, all of them counted."""
    assert tuple(s for s in day.statuses if s != "starting") == what.statuses
    assert what.words in str(day.state.message)
    links = {state.status for _, state in day.watcher.states if state.login_url}
    assert links <= {"login_required"}, "no other status asks for a login"
    asked_in_a_day = day.asked() + day.asked_within(2 * HOUR) * ((DAY - what.lasts) / (2 * HOUR))
    assert asked_in_a_day <= bound(promised()[what.row], len(day.user.cars))
    counted = day.account.requests.count()
    assert day.asked_within(DAY - BUCKET) <= counted <= day.asked_within(DAY + BUCKET)


async def come_back(day: Day, what: Trouble) -> None:
    """It does so by itself, unless it waits for a person."""
    passwords = day.asked("/authenticate")
    if what.back_within is None:
        asked = day.asked()
        await asyncio.sleep(DAY.total_seconds())
        assert (day.state.status, day.asked()) == ("login_required", asked)
        assert day.state.requests_24h == 0
        assert day.region == "china" or day.state.login_url
        day.account.log_in("another-captcha")
        await day.until("ok", MINUTE)
    else:
        await day.until("ok", what.back_within)
        assert day.asked("/authenticate") == passwords, "without a password, without a captcha"
    assert (day.state.message, day.state.login_url) == (None, None)
    assert day.watcher.vins == {car.vin for car in day.user.cars}
