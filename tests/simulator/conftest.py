"""The unmodified library, or a bare client, in front of a simulated BMW."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest
from bimmer_connected.account import MyBMWAccount
from bimmer_connected.api import authentication
from bimmer_connected.api.regions import get_region_from_name
from bimmer_connected.const import SERVER_URLS_MYBMW
from bimmer_connected.models import GPSPosition

from bmw2mqtt.accounts.mybmw.auth import login_client
from bmw2mqtt.simulator.cardata import (
    CLIENT_ID,
    CarDataSimulator,
    CarDataUser,
    RecordedCarDataCar,
)
from bmw2mqtt.simulator.mybmw import MyBmwSimulator, SimulatedUser
from bmw2mqtt.simulator.tls import Certificates
from tests.simulator.cardata_client import Client, SteppedClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bmw2mqtt.simulator.mybmw import SimulatedCar

PASSWORD = "correct horse battery staple"
PHONE = "8613812345678"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.create(tmp_path_factory.mktemp("ca"))


@pytest.fixture
async def bmw(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[MyBmwSimulator]:
    """A simulated BMW that the library takes for the real one, in all regions."""
    monkeypatch.setattr("bimmer_connected.vehicle.remote_services._POLLING_CYCLE", 0)
    async with MyBmwSimulator(certificates=certificates) as simulator:
        for region in SERVER_URLS_MYBMW:
            monkeypatch.setitem(SERVER_URLS_MYBMW, region, simulator.server)
        yield simulator


@pytest.fixture
def user_with(bmw: MyBmwSimulator) -> Callable[..., SimulatedUser]:
    """Open an account at the simulated BMW, holding the given cars."""

    def open_account(*cars: SimulatedCar, region: str = "rest_of_world") -> SimulatedUser:
        username = PHONE if region == "china" else f"driver{len(bmw.accounts.users)}@example.com"
        user = SimulatedUser(username=username, password=PASSWORD, region=region, cars=cars)
        bmw.accounts.users.append(user)
        return user

    return open_account


@pytest.fixture
def app(certificates: Certificates) -> Callable[..., MyBMWAccount]:
    """Return the library logged in as nobody yet, as a user's app just after installation."""
    context = certificates.client_context()
    count = iter(range(1_000_000))

    def install(
        user: SimulatedUser, *, password: str = PASSWORD, captcha_token: str | None = ""
    ) -> MyBMWAccount:
        if captcha_token == "":
            captcha_token = f"P1_{next(count)}"
        return MyBMWAccount(
            user.username,
            password,
            get_region_from_name(user.region),
            verify=context,
            hcaptcha_token=captcha_token,
            observer_position=GPSPosition(48.1, 11.5),
        )

    return install


@pytest.fixture(autouse=True)
def _library_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what the bridge puts into the library for logins, if it was imported before."""
    monkeypatch.setattr(authentication, "MyBMWLoginClient", login_client.MyBMWLoginClient)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def car(clock: SteppedClock) -> RecordedCarDataCar:
    return RecordedCarDataCar("WBA00000000000001", clock=clock)


@pytest.fixture
def driver(car: RecordedCarDataCar) -> CarDataUser:
    return CarDataUser(cars=[car])


@pytest.fixture
async def cardata(
    certificates: Certificates, clock: SteppedClock, driver: CarDataUser
) -> AsyncIterator[CarDataSimulator]:
    """BMW's CarData with one driver, at a time of its own."""
    async with CarDataSimulator([driver], certificates=certificates, clock=clock) as simulator:
        yield simulator


@pytest.fixture
async def http(certificates: Certificates) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(ssl=certificates.client_context())
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


@pytest.fixture
def client_of(http: aiohttp.ClientSession) -> Callable[..., Client]:
    """Return a client that is logged in nowhere yet."""

    def install(bmw: CarDataSimulator, client_id: str = CLIENT_ID) -> Client:
        return Client(bmw, http, client_id)

    return install


@pytest.fixture
def client(cardata: CarDataSimulator, client_of: Callable[..., Client]) -> Client:
    return client_of(cardata)
