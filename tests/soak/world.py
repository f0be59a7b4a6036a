"""A bridge with both backends, a broker, an internet, BMW and a person, in one virtual loop."""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import paho.mqtt.client as paho_client
import structlog

from bmw2mqtt.bridge import Bridge
from bmw2mqtt.config import Settings
from bmw2mqtt.guard import REMEDY
from bmw2mqtt.simulator.cardata import (
    CarDataSimulator,
    CarDataUser,
    Fault,
    RecordedCarDataCar,
)
from bmw2mqtt.simulator.clock import timestamp
from bmw2mqtt.simulator.mybmw import MyBmwSimulator, RecordedCar, SimulatedUser
from bmw2mqtt.simulator.tls import Certificates
from tests.fixture_cars import fixture_car
from tests.soak.broker import SoakBroker
from tests.virtual_time import VirtualLoop

MYBMW_VINS = ("WBA00000000DEMO02", "WBA00000000DEMO04", "WBY000000NOREXI01")
CARDATA_VINS = ("WBA00000000000001", "WMW00000000000002")
MILEAGE = "vehicle.vehicle.travelledDistance"
CHARGE = "vehicle.drivetrain.batteryManagement.header"
RANGE = "vehicle.drivetrain.lastRemainingRange"
NO_PICTURES = Fault(path="/eadrax-ics/", status=404)
"""Drawing them takes long."""


class Requests(list[tuple[float, str, str]]):
    """Stands in for a simulator's record: when by the right clock, path, VIN; forgets nothing."""

    def append(self, request: Any) -> None:
        """Record a request of the bridge's."""
        loop: Any = asyncio.get_running_loop()
        super().append((loop.elapsed_s(), sys.intern(request.path), sys.intern(request.vin or "")))


class CountingCar(RecordedCar):
    """A car that remembers when it performed what."""

    def perform(self, service: str, params: Mapping[str, str], body: Any) -> None:
        """Do it, and write down when."""
        loop: Any = asyncio.get_running_loop()
        self.performed_at.append((loop.elapsed_s(), service))
        super().perform(service, params, body)

    def report(self) -> None:
        """Report now what it knows."""
        loop: Any = asyncio.get_running_loop()
        self.state_data["state"]["lastUpdatedAt"] = timestamp(loop.true_time())

    @classmethod
    def like(cls, vin: str) -> "CountingCar":
        """Return a copy of a fixture car that has just reported.

        With its recorded time, which is years ago, a fresh bridge would count its heating from now.
        """
        car = fixture_car(vin)
        made = cls(car.profile_data, car.state_data, car.charging_data, brand=car.brand)
        made.performed_at: list[tuple[float, str]] = []
        made.report()
        return made


@dataclass
class Bmw:
    """Both of BMW's clouds, with one customer each."""

    app: MyBmwSimulator
    cardata: CarDataSimulator
    app_user: SimulatedUser
    cardata_user: CarDataUser
    app_requests: Requests = field(default_factory=Requests)
    cardata_requests: Requests = field(default_factory=Requests)

    def __post_init__(self) -> None:
        self.app.requests = self.app_requests  # type: ignore[assignment]
        self.cardata.requests = self.cardata_requests  # type: ignore[assignment]
        self.recover()

    def recover_answers(self) -> None:
        """Answer the truth over HTTPS from now on."""
        for simulator in (self.app, self.cardata):
            simulator.faults.clear()
        self.app.faults.add(NO_PICTURES)

    def recover(self) -> None:
        """Do everything right from now on."""
        self.recover_answers()
        self.cardata.oauth.exchange_failures = 0
        self.cardata.stream.silent = False
        self.cardata.stream.refused_subscriptions = 0
        self.cardata.stream._refusals.clear()

    @property
    def cars(self) -> list[CountingCar]:
        return list(self.app_user.cars)  # type: ignore[arg-type]

    def report_all(self) -> None:
        """Let CarData's cars stream all they know once more, as after a drive."""
        for car in self.cardata_user.cars:
            names = (MILEAGE, CHARGE, RANGE)
            car.report({name: car.readings()[name].value for name in names})  # type: ignore[attr-defined]

    def drive(self, chance: random.Random) -> None:
        """Let one car of each drive a bit."""
        app_car = chance.choice(self.cars)
        app_car.state_data["state"]["currentMileage"] += chance.randint(1, 50)
        app_car.report()
        car = chance.choice(self.cardata_user.cars)
        mileage = car.readings()[MILEAGE].value
        assert isinstance(mileage, int)
        car.report(  # type: ignore[attr-defined]
            {
                MILEAGE: mileage + chance.randint(1, 50),
                CHARGE: chance.randint(20, 99),
                RANGE: chance.randint(50, 400),
            }
        )


def make_bmw(certificates: Certificates) -> Bmw:
    """Return BMW with five cars; its clock is right, whatever the host's says."""
    loop: Any = asyncio.get_running_loop()
    clock = loop.true_time
    app_user = SimulatedUser(
        username="me@example.com",
        password="a-password-42",
        cars=[CountingCar.like(vin) for vin in MYBMW_VINS],
    )
    cars = [
        RecordedCarDataCar(
            vin, {MILEAGE: 1000, CHARGE: 50, RANGE: 200}, image=b"\x89PNG a", clock=clock
        )
        for vin in CARDATA_VINS
    ]
    cardata_user = CarDataUser(cars=list(cars))
    return Bmw(
        MyBmwSimulator([app_user], certificates=certificates, clock=clock),
        CarDataSimulator(
            [cardata_user], certificates=certificates, clock=clock, approve_after_s=60
        ),
        app_user,
        cardata_user,
    )


def make_settings(bmw: Bmw, broker: SoakBroker, data_dir: Path) -> Settings:
    """Return a configuration for both accounts."""
    return Settings.model_validate(
        {
            "mqtt": broker.settings.model_dump(include={"host", "port"}),
            "accounts": {
                "app": {
                    "backend": "mybmw",
                    "username": bmw.app_user.username,
                    "password": bmw.app_user.password,
                    "region": bmw.app_user.region,
                    "captcha_token": f"captcha-{data_dir.name}",
                    "server": bmw.app.server.replace("127.0.0.1", "localhost"),
                    "ca_file": str(bmw.app.ca_file),
                },
                "eu": bmw.cardata.account_settings()
                | {
                    "auth_url": bmw.cardata.auth_url.replace("127.0.0.1", "localhost"),
                    "api_url": bmw.cardata.api_url.replace("127.0.0.1", "localhost"),
                },
            },
            "data_dir": str(data_dir),
            "http": {"enabled": False},
        }
    )


@dataclass
class World:
    """Everything."""

    loop: VirtualLoop
    bmw: Bmw
    broker: SoakBroker
    settings: Settings
    chance: random.Random
    logged: Counter[str] = field(default_factory=Counter)
    bugs: list[str] = field(default_factory=list)
    unlocks_sent: list[tuple[float, str]] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    captchas: int = 0
    bridge: Bridge | None = None
    task: asyncio.Task[None] | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    def record(self, _: Any, level: str, entry: Any) -> Any:
        """Record what the bridge logs; a trace is a bug."""
        self.logged[f"{level} {entry['event']}"] += 1
        if entry.get("exc_info") or entry.get("remedy") == REMEDY:
            self.bugs.append(f"{entry['event']} {_trace(entry)}")
        raise structlog.DropEvent

    def start(self) -> None:
        """Start the bridge."""
        self._stop = asyncio.Event()
        self.bridge = Bridge(self.settings, self.loop.elapsed_s)
        self.task = asyncio.create_task(self.bridge.run(self._stop))

    async def stop(self) -> float:
        """Stop it as SIGTERM does; return the seconds it takes."""
        assert self.task is not None
        began_s = self.loop.time()
        self._stop.set()
        async with asyncio.timeout(60):
            await self.task
        return self.loop.time() - began_s

    def status(self, account: str) -> str:
        """Return what the account says of itself."""
        assert self.bridge is not None
        return self.published(f"account/{account}/sensor/status") or ""

    def published(self, topic: str) -> str | None:
        """Return what the bridge stands for on a topic."""
        assert self.bridge is not None
        payload = self.bridge.publisher._retained.get(f"bmw2mqtt/{topic}")
        return None if payload is None else payload.decode(errors="replace")

    # What people do

    def look_after_logins(self) -> None:
        """Log in again where the status asks for it."""
        for account in ("app", "eu"):
            status = self.status(account)
            self.statuses[f"{account} {status}"] += 1
            if status != "login_required":
                continue
            if account == "app":
                self.captchas += 1
                self.send("account/app/login/set", f"captcha-{self.captchas}")
            elif (
                "user_code"
                not in json.loads(self.published("account/eu/sensor/status/attributes") or "{}")
                or self.chance.random() < 0.2
            ):
                self.send("account/eu/button/login/press", "PRESS")

    def send(self, topic: str, payload: str) -> None:
        """Publish a command."""
        if topic.endswith("lock/lock/set") and payload == "UNLOCK":
            self.unlocks_sent.append((self.loop.elapsed_s(), topic.partition("/")[0]))
        self.broker.publish(f"bmw2mqtt/{topic}", payload.encode())

    def command(self) -> None:
        """Send some car a command."""
        vin = self.chance.choice((*MYBMW_VINS, *CARDATA_VINS, "WBA0000000NOTOURS"))
        topic, payload = self.chance.choice(
            (
                ("lock/lock/set", "LOCK"),
                ("lock/lock/set", "UNLOCK"),
                ("lock/lock/set", "UNLOCK"),
                ("button/light_flash/press", "PRESS"),
                ("switch/climate/set", "ON"),
                ("switch/climate/set", "OFF"),
                ("number/target_soc/set", "80"),
                ("lock/lock/set", "nonsense"),
                ("lock/lock/set", ""),
            )
        )
        self.send(f"{vin}/{topic}", payload)


def _trace(entry: Mapping[str, Any]) -> str:
    import traceback  # noqa: PLC0415

    error = entry.get("exc_info")
    details = {k: v for k, v in entry.items() if k not in {"exc_info", "event"}}
    if isinstance(error, BaseException):
        return f"{details} {''.join(traceback.format_exception(error))}"
    return f"{details} {traceback.format_exc() if error else ''}"


@asynccontextmanager
async def make_world(
    certificates: Certificates,
    data_dir: Path,
    chance: random.Random,
) -> AsyncIterator[World]:
    """Start everything but the bridge."""
    loop: Any = asyncio.get_running_loop()
    loop.hurry()
    bmw, broker = make_bmw(certificates), SoakBroker()
    async with broker_and_bmw(bmw, broker):
        world = World(loop, bmw, broker, make_settings(bmw, broker, data_dir), chance)
        structlog.configure(processors=[world.record])
        try:
            yield world
        finally:
            if world.task is not None and not world.task.done():
                await world.stop()


@asynccontextmanager
async def broker_and_bmw(bmw: Bmw, broker: SoakBroker) -> AsyncIterator[None]:
    """Start the servers, and stop them in the end."""
    loop = asyncio.get_running_loop()
    with _virtual_libraries(loop.time):
        async with bmw.app, bmw.cardata:
            await broker.start()
            try:
                yield
            finally:
                await broker.stop()


@contextmanager
def _virtual_libraries(clock: Callable[[], float]) -> Iterator[None]:
    """Let libraries measure by the loop's time: keepalives, connections that were idle too long."""
    with (
        patch.object(time, "monotonic", clock),
        patch.object(paho_client, "time_func", clock),
    ):
        yield


def own(topics: Mapping[str, bytes], roots: Iterable[str] = ("bmw2mqtt/",)) -> dict[str, bytes]:
    """Return the bridge's own topics."""
    return {
        topic: payload
        for topic, payload in topics.items()
        if topic.startswith((*roots, "homeassistant/device/bmw2mqtt_"))
    }
