"""What shows only after hours or weeks: restarts without end, a car in trouble, sessions."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bmw2mqtt.simulator.mybmw import Fault
from bmw2mqtt.simulator.mybmw.faults import blocked
from bmw2mqtt.simulator.tls import Certificates
from tests import virtual_time
from tests.accounts.mybmw.simulated_day import ONE_CAR, VINS, simulated_day

pytestmark = pytest.mark.no_cover

POLLS = "/eadrax-v"
RENEWAL = "/oauth/token"


@pytest.mark.parametrize("fault", [None, blocked(), Fault(status=503)], ids=["ok", "489", "503"])
@pytest.mark.parametrize("lasts_s", [30, 400, 730])
def test_a_bridge_that_is_started_again_and_again(
    lasts_s: int, fault: Fault | None, certificates: Certificates, tmp_path: Path
) -> None:
    hours = 1 if lasts_s == 30 else 3

    async def start_again_and_again() -> None:
        async with simulated_day(certificates, tmp_path, vins=ONE_CAR) as day:
            if fault is not None:
                day.bmw.faults.add(replace(fault, path=POLLS))
            for _ in range(hours * 3600 // lasts_s):
                async with day.running():
                    await asyncio.sleep(lasts_s)
            polls = {request.at for request in day.bmw.requests if POLLS in request.path}
            most = {30: 5 if fault is None else 10, 400: hours * 12, 730: hours * (12 + 5)}[lasts_s]
            assert len(polls) <= (1 if fault == blocked() else most)
            assert day.asked("/authenticate") == 2, "one login"

    virtual_time.run(start_again_and_again)


def test_a_car_that_is_always_answered_with_401(certificates: Certificates, tmp_path: Path) -> None:
    """The other one is shown, and the login is not renewed at each poll."""
    hours = 2

    async def run() -> None:
        async with simulated_day(certificates, tmp_path) as day:
            day.bmw.faults.add(Fault(path="/vehicles/state", vin=VINS[0], status=401))
            async with day.running():
                await asyncio.sleep(hours * 3600)
                assert day.statuses == ["starting", "ok"][-len(day.statuses) :]
                assert day.watcher.vins == {VINS[1]}
                assert day.asked(RENEWAL) <= 4 * hours

    virtual_time.run(run)


def test_a_session_lasts_for_two_weeks(certificates: Certificates, tmp_path: Path) -> None:
    """As it does with the library's own program; a restart keeps it."""

    async def run() -> None:
        async with simulated_day(certificates, tmp_path, vins=ONE_CAR) as day:

            def sessions() -> int:
                headers = [request.headers for request in day.bmw.requests]
                return len({h["bmw-session-id"] for h in headers if "bmw-session-id" in h})

            for days, expected in ((7, 1), (6.5, 1), (3, 2), (0.5, 2)):
                async with day.running(poll_interval=86_400):
                    await asyncio.sleep(days * 86_400)
                assert sessions() == expected

    virtual_time.run(run)
