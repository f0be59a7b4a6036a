"""MyBMW's tokens that do not live as long as they should are not renewed in a loop."""

import asyncio
from pathlib import Path

import pytest

from bmw2mqtt.accounts.mybmw.auth.authentication import LOGINS_WITHIN_S, MAX_LOGINS
from bmw2mqtt.simulator.mybmw import MyBmwSimulator, SimulatedUser
from bmw2mqtt.simulator.tls import Certificates
from tests import virtual_time
from tests.accounts.mybmw.simulated_day import NO_PICTURES, VINS, Day
from tests.fixture_cars import fixture_car

pytestmark = pytest.mark.no_cover


@pytest.mark.parametrize("lifetime_s", [1, 0, -5, 10**9])
def test_tokens_of_an_odd_life(certificates: Certificates, tmp_path: Path, lifetime_s: int) -> None:
    async def main() -> None:
        user = SimulatedUser(
            username="me@example.com",
            password="p",
            region="rest_of_world",
            cars=[fixture_car(VINS[0])],
        )
        async with MyBmwSimulator(
            [user], certificates=certificates, access_token_lifetime_s=lifetime_s
        ) as bmw:
            bmw.faults.add(NO_PICTURES)
            day = Day(bmw, certificates, tmp_path)
            async with day.running(poll_interval=300):
                await asyncio.sleep(2.5 * 3600)
            asked = [r.at for r in bmw.requests if "/oauth/token" in r.path]
        windows = zip(asked, asked[MAX_LOGINS:], strict=False)
        assert all((later - first).total_seconds() >= LOGINS_WITHIN_S for first, later in windows)

    virtual_time.run(main)
