"""An account that runs for a day of virtual time beside a simulated BMW, on real sockets."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.accounts import scheduler
from bmw2mqtt.accounts.mybmw import poller
from bmw2mqtt.accounts.mybmw.account import MyBmwAccount
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.config import MyBmwSettings as AccountSettings
from bmw2mqtt.simulator.mybmw import Fault, MyBmwSimulator, SimulatedUser
from bmw2mqtt.simulator.tls import Certificates
from bmw2mqtt.vehicle.account import AccountState
from tests.accounts.mybmw.polled_account import Consumer
from tests.fixture_cars import fixture_car

VINS = ("WBA00000000DEMO02", "WBA00000000DEMO03")
ONE_CAR = VINS[:1]
DAY = timedelta(days=1)
DOCS = Path(__file__).parents[3] / "docs" / "accounts.md"


NO_PICTURES = Fault(path="/eadrax-ics/", status=404)
"""Drawing them takes long."""


class Watcher(Consumer):
    """Remembers how the account stood, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[tuple[datetime, AccountState]] = []

    def account_changed(self, state: AccountState) -> None:
        super().account_changed(state)
        self.states.append((datetime.now(UTC), state))


class Day:
    """One account at one BMW; it polls by its own clock."""

    def __init__(self, bmw: MyBmwSimulator, certificates: Certificates, data_dir: Path) -> None:
        self.bmw = bmw
        self.certificates = certificates
        self.watcher = Watcher()
        self._data_dir = data_dir
        self._tls = certificates.client_context()
        self.account: MyBmwAccount

    @property
    def user(self) -> SimulatedUser:
        return self.bmw.accounts.users[0]

    @property
    def region(self) -> str:
        return self.user.region

    @property
    def state(self) -> AccountState:
        return self.account.state

    @property
    def statuses(self) -> list[str]:
        """Every status there was, in order."""
        seen = [state.status.value for _, state in self.watcher.states]
        return [s for before, s in zip(["", *seen], seen, strict=False) if s != before]

    @asynccontextmanager
    async def running(self, **settings: Any) -> AsyncIterator[MyBmwAccount]:
        """Run the account; settings are those of the configuration."""
        store = Store(self._data_dir)
        store.open()
        self.account = MyBmwAccount(
            "home",
            AccountSettings.model_validate(
                {
                    "backend": "mybmw",
                    "username": self.user.username,
                    "password": self.user.password,
                    "region": self.user.region,
                    "captcha_token": None if self.user.region == "china" else "captcha",
                    "server": self.bmw.server.replace("127.0.0.1", "localhost"),
                    **settings,
                }
            ),
            store=store,
            listener=self.watcher,
            tls=self._tls,
        )
        task = asyncio.create_task(self.account.run())
        try:
            yield self.account
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            store.close()

    async def until(self, status: str, within: timedelta) -> None:
        """Wait until the account stands so."""
        async with asyncio.timeout(within.total_seconds()):
            while self.state.status != status:
                self.watcher.changed.clear()
                await self.watcher.changed.wait()

    def asked(self, path: str = "") -> int:
        """How often BMW was asked."""
        return sum(path in request.path for request in self.bmw.requests)

    def asked_within(self, time: timedelta) -> int:
        """How often BMW was asked lately."""
        return sum(request.at > datetime.now(UTC) - time for request in self.bmw.requests)


@asynccontextmanager
async def simulated_day(
    certificates: Certificates,
    data_dir: Path,
    region: Any = "rest_of_world",
    vins: Sequence[str] = VINS,
    check_every_s: float = 3600.0,
) -> AsyncIterator[Day]:
    """Start a BMW with one user and two cars, or others of the recorded ones.

    Quiet hours have few timers: `check_every_s` is how often the account looks whether the clock
    was set, or a command has brought the next poll forward.
    """
    user = SimulatedUser(
        username="8613812345678" if region == "china" else "me@example.com",
        password="a-password-42",
        region=region,
        cars=[fixture_car(vin) for vin in vins],
    )
    async with MyBmwSimulator([user], certificates=certificates) as bmw:
        bmw.faults.add(NO_PICTURES)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scheduler, "CHECK_EVERY_S", check_every_s)
            patch.setattr(poller, "FOLLOW_EVERY_S", 600.0)
            yield Day(bmw, certificates, data_dir)


def promised() -> dict[str, str]:
    """Return MyBMW's table of docs/accounts.md: BMW's answer, the bound of a day's requests."""
    section = DOCS.read_text().split("\n## MyBMW")[1].split("\n## ")[0]
    rows = [line.strip(" |").split(" | ") for line in section.splitlines() if "|" in line]
    return {row[0]: row[3].strip() for row in rows if len(row) >= 4 and row[0][0] not in "-B"}


def bound(text: str, cars: int) -> int:
    """Read a bound: a number, `n` stands for the number of cars."""
    assert re.fullmatch(r"\d+( n)?( \+ \d+ n)?", text), text
    terms = [term.split(" ") for term in text.split(" + ")]
    return sum(int(term[0]) * (cars if len(term) > 1 else 1) for term in terms)
