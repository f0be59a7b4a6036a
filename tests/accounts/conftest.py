"""A simulated BMW and an account in this process: many polls a second."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.accounts import scheduler as polling
from bmw2mqtt.accounts.cardata.auth import manager as login
from bmw2mqtt.accounts.cardata.http import HttpClient
from bmw2mqtt.accounts.cardata.snapshot import updater
from bmw2mqtt.accounts.cardata.stream import connection as stream_connection
from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.simulator.cardata import CarDataSimulator, CarDataUser, stream_client
from bmw2mqtt.simulator.mybmw import MyBmwSimulator, SimulatedUser
from bmw2mqtt.simulator.tls import Certificates
from tests.accounts.cardata.account_parts import BEGIN, OTHER_VIN, AccountParts, LoopClock, car
from tests.accounts.mybmw.polled_account import PolledAccount, polled_account
from tests.virtual_time import VirtualLoop


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], Any]]:
    """Let CarData's tests run in virtual time; MyBMW's choose it themselves."""
    is_cardata = "parts" in getattr(item, "fixturenames", ())
    if is_cardata or item.path.parent.parts[-2:] in {("cardata", "auth"), ("cardata", "stream")}:
        return {"virtual": partial(VirtualLoop, BEGIN)}
    return {"real": asyncio.new_event_loop}


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.create(tmp_path_factory.mktemp("ca"))


@pytest.fixture(autouse=True)
def _many_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tests ask as often as they like."""
    monkeypatch.setattr(polling, "REQUESTS", 100_000)


@pytest.fixture
async def near_bmw(certificates: Certificates) -> AsyncIterator[MyBmwSimulator]:
    """BMW in this event loop, without users."""
    async with MyBmwSimulator(certificates=certificates) as simulator:
        yield simulator


@pytest.fixture
async def watch(
    near_bmw: MyBmwSimulator, certificates: Certificates, tmp_path: Path
) -> AsyncIterator[Callable[..., Any]]:
    """A function that opens an account with the cars it is given."""
    async with AsyncExitStack() as stack:

        async def open_account(*cars: Any) -> PolledAccount:
            number = len(near_bmw.accounts.users)
            user = SimulatedUser(username=f"me{number}@example.com", password="p", cars=cars)
            near_bmw.accounts.users.append(user)
            return await stack.enter_async_context(
                polled_account(near_bmw, user, certificates, tmp_path / f"data{number}")
            )

        yield open_account


@pytest.fixture
def _few_timers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a quiet day have few timers: hardly a ping, and no check of the wall clock each minute.

    Pings matter where the stream is tested, and that a leap of the clock is noticed, where the
    login itself is.
    """
    folder = request.path.parent.name
    if folder != "stream":
        monkeypatch.setattr(stream_connection, "KEEPALIVE_S", 600)
        monkeypatch.setattr(stream_connection, "KEEPALIVE_CHECK_S", 300.0)
        monkeypatch.setattr(stream_client, "IDLE_LIMIT_S", 1200.0)
        monkeypatch.setattr(stream_client, "CHECK_EVERY_S", 1200.0)
    if folder != "auth":
        monkeypatch.setattr(login, "CHECK_EVERY_S", 3600.0)
        monkeypatch.setattr(polling, "CHECK_EVERY_S", 3600.0)
        monkeypatch.setattr(updater, "LONGEST_TIMER_S", 3600.0)


@pytest.fixture
async def parts(
    certificates: Certificates, tmp_path: Path, _few_timers: None
) -> AsyncIterator[AccountParts]:
    """A CarData account, not logged in, with one car; the time is a virtual one."""
    clock = LoopClock()
    user = CarDataUser(cars=[car()])
    async with (
        CarDataSimulator([user], certificates=certificates) as bmw,
        HttpClient(certificates.client_context()) as session,
    ):
        opened = AccountParts(bmw, user, clock, session, tmp_path / "data")
        yield opened
        opened.close()
    await clock.forward(seconds=1)  # what was closed just now has ended


@pytest.fixture
async def account(parts: AccountParts) -> AccountParts:
    """An account that is logged in, with two cars."""
    parts.user.cars.append(car(OTHER_VIN))
    await parts.log_in()
    return parts


@pytest.fixture
def values(tmp_path: Path) -> Iterator[ReadingStore]:
    """What the cars of an account have told: nothing yet."""
    values = ReadingStore(tmp_path / "values.sqlite")
    values.open()
    yield values
    values.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open `data_dir`, empty."""
    store = Store(tmp_path / "deep" / "data")
    store.open()
    yield store
    store.close()
