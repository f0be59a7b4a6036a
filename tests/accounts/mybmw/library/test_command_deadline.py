"""A command leaves in time or not at all, whatever has to be waited for on the way to BMW."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.simulator.mybmw import Fault
from bmw2mqtt.simulator.mybmw.faults import too_many_requests
from bmw2mqtt.simulator.tls import Certificates
from bmw2mqtt.vehicle.commands import Action, Command, CommandResult, SetChargingMode
from bmw2mqtt.vehicle.deadline import Deadline
from bmw2mqtt.vehicle.snapshot import ChargingMode
from tests import virtual_time
from tests.accounts.mybmw.simulated_day import Day
from tests.accounts.mybmw.test_command_faults import VIN, on_request

pytestmark = pytest.mark.no_cover

FRESH_S = 10.0
DELAY_S = 20.0
MODE = SetChargingMode(ChargingMode.IMMEDIATE_CHARGING)


class Clock:
    """The loop's, which can be suspended."""

    def __init__(self) -> None:
        self.suspended_s = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + self.suspended_s


def with_an_account(
    test: Callable[[Day, Clock], Awaitable[None]], certificates: Certificates, data_dir: Path
) -> None:
    async def run() -> None:
        async with on_request(certificates, data_dir) as day:
            await test(day, Clock())

    virtual_time.run(run)


async def execute(day: Day, clock: Clock, command: Command) -> tuple[str, str | None, int]:
    """Return what became of it, and how often BMW got it and did not refuse to take it."""
    outcome: CommandResult = await day.account.executor.execute(
        VIN, command, Deadline.after(FRESH_S, clock)
    )
    path = "/charging-profile" if isinstance(command, SetChargingMode) else "/door-unlock"
    taken = [
        request
        for request in day.bmw.requests
        if request.path.endswith(path) and request.status not in {401, 429}
    ]
    return outcome.event_type, outcome.reason, len(taken)


def test_in_time(certificates: Certificates, tmp_path: Path) -> None:
    async def test(day: Day, clock: Clock) -> None:
        assert await execute(day, clock, Action.UNLOCK) == ("executed", None, 1)

    with_an_account(test, certificates, tmp_path)


@pytest.mark.parametrize(
    ("command", "is_expired", "fault"),
    [
        (Action.UNLOCK, True, Fault(path="/oauth/token", delay_s=DELAY_S)),
        (Action.UNLOCK, True, Fault(path="/oauth/config", delay_s=DELAY_S)),
        (Action.UNLOCK, False, too_many_requests(wait_s=9)),
        (MODE, False, Fault(path="/eadrax-crccs/v2/vehicles", delay_s=DELAY_S)),
    ],
    ids=["renewal", "config of a renewal", "too many requests", "profile is read"],
)
def test_what_comes_before_takes_too_long(
    command: Command, fault: Fault, certificates: Certificates, tmp_path: Path, *, is_expired: bool
) -> None:
    async def test(day: Day, clock: Clock) -> None:
        if is_expired:
            day.bmw.accounts.expire_access_tokens()
        day.bmw.faults.add(replace(fault, times=1))
        assert await execute(day, clock, command) == ("rejected", "expired", 0)
        assert day.state.status == "ok"
        assert (await execute(day, clock, command))[::2] == ("executed", 1)

    with_an_account(test, certificates, tmp_path)


@pytest.mark.parametrize("lock", ["the car's", "the login's"])
def test_a_lock_is_held_too_long(lock: str, certificates: Certificates, tmp_path: Path) -> None:
    async def test(day: Day, clock: Clock) -> None:
        account: Any = day.account
        is_cars = lock == "the car's"
        held = account._poller.vehicles[VIN].lock if is_cars else account._authentication.login_lock
        async with held:
            task = asyncio.create_task(execute(day, clock, MODE if is_cars else Action.UNLOCK))
            await asyncio.sleep(DELAY_S)
        assert await task == ("rejected", "expired", 0)

    with_an_account(test, certificates, tmp_path)


def test_the_host_is_suspended_while_it_connects(
    certificates: Certificates, tmp_path: Path
) -> None:
    async def test(day: Day, clock: Clock) -> None:
        loop: Any = asyncio.get_running_loop()
        look_up = loop.getaddrinfo

        async def suspended(*args: Any, **options: Any) -> Any:
            clock.suspended_s += 900
            return await look_up(*args, **options)

        loop.getaddrinfo = suspended
        assert await execute(day, clock, Action.UNLOCK) == ("rejected", "expired", 0)
        assert day.asked("/door-unlock") == 0
        loop.getaddrinfo = look_up
        assert await execute(day, clock, Action.UNLOCK) == ("executed", None, 1)

    with_an_account(test, certificates, tmp_path)


def test_what_follows_may_take_its_time(certificates: Certificates, tmp_path: Path) -> None:
    """The deadline is that of the command, not of the questions what became of it."""

    async def test(day: Day, clock: Clock) -> None:
        day.bmw.faults.add(Fault(path="/eventStatus", delay_s=DELAY_S, times=1))
        assert await execute(day, clock, Action.UNLOCK) == ("executed", None, 1)

    with_an_account(test, certificates, tmp_path)
