"""Each of BMW's answers at each step of a command: what is said of it, and of the account."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.simulator.mybmw import Fault
from bmw2mqtt.simulator.mybmw.faults import blocked, quota_exceeded, too_many_requests
from bmw2mqtt.simulator.tls import Certificates
from bmw2mqtt.vehicle.commands import Action, Command, SendPoi, SetChargingMode
from bmw2mqtt.vehicle.deadline import Deadline
from bmw2mqtt.vehicle.snapshot import ChargingMode
from tests import virtual_time
from tests.accounts.mybmw.simulated_day import NO_PICTURES, VINS, Day, simulated_day

pytestmark = pytest.mark.no_cover

VIN = VINS[0]
HOUR_S = 3600.0

FAULTS = {
    "489": blocked(),
    "quota": quota_exceeded(replenished_in="05:00:00"),
    "429": too_many_requests(wait_s=9),
    "408": Fault(status=408),
    "500": Fault(status=500),
    "502": Fault(status=502),
    "503": Fault(status=503),
    "no answer": Fault(delay_s=100, drop=True),
    "broken": Fault(drop=True),
    "401": Fault(status=401),
    "403": Fault(status=403),
    "404": Fault(status=404),
    "unreadable": Fault(status=200, body="<html>weird</html>"),
}

BLOCKED = "failed blocked ok"
QUOTA = "failed quota_exceeded quota_exceeded"
UNREACHABLE = "failed unreachable ok"
NO_LOGIN = "failed unreachable unreachable"
REFUSED = "failed refused_by_vehicle ok"
NOT_KNOWN = "timed_out unreachable ok"

TRIGGER = {
    "489": BLOCKED,
    "quota": QUOTA,
    "429": QUOTA,
    "408": NOT_KNOWN,
    "500": UNREACHABLE,
    "502": NOT_KNOWN,
    "503": UNREACHABLE,
    "no answer": NOT_KNOWN,
    "broken": NOT_KNOWN,
    "401": UNREACHABLE,
    "403": REFUSED,
    "404": REFUSED,
    "unreadable": NOT_KNOWN,
}
FOLLOWED = dict.fromkeys(FAULTS, NOT_KNOWN) | dict.fromkeys(
    ("quota", "429"), "timed_out unreachable quota_exceeded"
)
READ = dict.fromkeys(FAULTS, UNREACHABLE) | {"489": BLOCKED, "quota": QUOTA, "429": QUOTA}
RENEWED = dict.fromkeys(FAULTS, NO_LOGIN) | {"489": BLOCKED, "quota": QUOTA, "429": QUOTA}
RENEWED_MEANWHILE = dict.fromkeys(FAULTS, "timed_out unreachable unreachable") | {
    "489": NOT_KNOWN,
    "quota": "timed_out unreachable quota_exceeded",
    "429": "timed_out unreachable quota_exceeded",
}
POI = SendPoi(latitude=48.1, longitude=11.5)
MODE = SetChargingMode(ChargingMode.IMMEDIATE_CHARGING)

STEPS: dict[str, tuple[Command, str, dict[str, str]]] = {
    "trigger": (Action.UNLOCK, "/door-unlock", TRIGGER),
    "status": (Action.UNLOCK, "/eventStatus", FOLLOWED),
    "profile read": (MODE, "/eadrax-crccs/v2/vehicles", READ),
    "profile written": (MODE, "/charging-profile", TRIGGER),
    "destination": (POI, "/send-to-car", TRIGGER),
    "position": (Action.FIND_VEHICLE, "/eventPosition", FOLLOWED),
    "config of a renewal": (Action.UNLOCK, "/oauth/config", RENEWED),
    "renewal": (Action.UNLOCK, "/oauth/token", RENEWED),
}
SENT = ("/door-unlock", "/charging-profile", "/send-to-car", "/vehicle-finder")


@asynccontextmanager
async def on_request(certificates: Certificates, data_dir: Path) -> AsyncIterator[Day]:
    """An account that asks BMW only when it is told to."""
    async with simulated_day(certificates, data_dir, vins=[VIN]) as day:
        location = {"latitude": 48.1, "longitude": 11.5}
        async with day.running(poll_interval=0, location=location):
            await day.until("ok", timedelta(minutes=1))
            yield day


async def outcome_of(day: Day, command: Command) -> str:
    """Return what is said of a command, and then of the account."""
    before = sum(day.asked(path) for path in SENT)
    outcome = await day.account.executor.execute(VIN, command, Deadline.after(HOUR_S))
    assert outcome.message
    sent = [r for r in day.bmw.requests if r.path.endswith(SENT)][before:]
    assert sum(request.status not in {401, 429} for request in sent) <= 1, "never twice"
    return f"{outcome.event_type} {outcome.reason} {day.state.status}"


async def mend(day: Day) -> None:
    """Let BMW work, and a person ask: all is well again."""
    day.bmw.faults.clear()
    day.bmw.faults.add(NO_PICTURES)
    await asyncio.sleep(HOUR_S)  # BMW is not asked for a login too often
    day.account.log_in("another-captcha")
    await day.until("ok", timedelta(minutes=1))


def in_virtual_time(
    test: Callable[[Day], Awaitable[None]], certificates: Certificates, data_dir: Path
) -> None:
    async def run() -> None:
        async with on_request(certificates, data_dir) as day:
            await test(day)

    virtual_time.run(run)


@pytest.mark.parametrize("step", STEPS)
def test_a_fault_at_a_step(step: str, certificates: Certificates, tmp_path: Path) -> None:
    in_virtual_time(partial(try_step, step), certificates, tmp_path)


async def try_step(step: str, day: Day) -> None:
    command, path, expected = STEPS[step]
    got = {}
    for name, fault in FAULTS.items():
        if "renewal" in step:
            day.bmw.accounts.expire_access_tokens()
        day.bmw.faults.add(replace(fault, path=path))
        got[name] = await outcome_of(day, command)
        await mend(day)
    assert got == expected
    assert day.asked("/authenticate") == 2, "one login"


def test_the_login_ends_while_a_command_is_under_way(
    certificates: Certificates, tmp_path: Path
) -> None:
    in_virtual_time(try_renewals_meanwhile, certificates, tmp_path)


async def try_renewals_meanwhile(day: Day) -> None:
    got = {}
    for name, fault in FAULTS.items():
        day.bmw.faults.add(Fault(path="/eventStatus", status=401, times=1))
        day.bmw.faults.add(replace(fault, path="/oauth/token"))
        got[name] = await outcome_of(day, Action.UNLOCK)
        await mend(day)
    assert got == RENEWED_MEANWHILE


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/door-unlock", "failed login_required login_required"),
        ("/eventStatus", "timed_out unreachable login_required"),
    ],
)
def test_the_login_is_lost(
    path: str, expected: str, certificates: Certificates, tmp_path: Path
) -> None:
    async def lose(day: Day) -> None:
        day.bmw.accounts.revoke_refresh_tokens()
        day.bmw.faults.add(Fault(path=path, status=401, times=1))
        assert await outcome_of(day, Action.UNLOCK) == expected
        assert day.state.login_url
        refusal = day.account.executor.refusal(VIN, Action.UNLOCK)
        assert refusal is not None
        assert refusal.reason == "login_required"
        await mend(day)

    in_virtual_time(lose, certificates, tmp_path)


@pytest.mark.parametrize("connection", ["name", "network", "certificate"])
def test_there_is_no_connection(
    connection: str, certificates: Certificates, tmp_path: Path
) -> None:
    """The next poll comes soon, and all is well again by itself."""

    async def run() -> None:
        loop: Any = asyncio.get_running_loop()
        async with (
            simulated_day(certificates, tmp_path / "data", check_every_s=60) as day,
            day.running(poll_interval=3600),
        ):
            await day.until("ok", timedelta(minutes=1))
            if connection == "name":
                loop.names.clear()
            else:
                await day.bmw.stop()
            if connection == "certificate":
                day.bmw.certificates = Certificates.create(tmp_path / "another authority")
                await day.bmw.start()
            asked = day.asked()
            for _ in range(3):
                assert await outcome_of(day, Action.UNLOCK) == NO_LOGIN
            assert day.asked() == asked
            loop.names.add("localhost")
            await day.bmw.stop()
            day.bmw.certificates = certificates
            await day.bmw.start()
            await day.until("ok", timedelta(minutes=3))

    virtual_time.run(run)


def test_a_command_that_works_shows_that_bmw_is_back(
    certificates: Certificates, tmp_path: Path
) -> None:
    async def come_back(day: Day) -> None:
        day.bmw.faults.add(Fault(path="/vehicles/state", status=503))
        day.account.refresh()
        await day.until("unreachable", timedelta(minutes=1))
        day.bmw.faults.clear()
        day.bmw.faults.add(NO_PICTURES)
        assert (
            await day.account.executor.execute(VIN, Action.UNLOCK, Deadline.after(HOUR_S))
        ).event_type == "executed"
        await day.until("ok", timedelta(minutes=1))

    in_virtual_time(come_back, certificates, tmp_path)
