"""The client side of CarData in this process, before a simulated BMW, in virtual time."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bmw2mqtt.accounts.cardata.auth.device_login import Codes, DeviceLogin
from bmw2mqtt.accounts.cardata.auth.oauth import OAuth
from bmw2mqtt.accounts.cardata.auth.tokens import Credentials, OAuthTokens
from bmw2mqtt.accounts.cardata.basic_data import BasicData
from bmw2mqtt.accounts.cardata.http import HttpClient
from bmw2mqtt.accounts.cardata.rest.client import RestClient
from bmw2mqtt.accounts.cardata.rest.container_lists import wanted_descriptors
from bmw2mqtt.accounts.cardata.rest.containers import Containers
from bmw2mqtt.accounts.cardata.rest.poller import RestPoller
from bmw2mqtt.accounts.cardata.rest.quota import RequestQuota
from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from bmw2mqtt.accounts.cardata.vehicle import CarDataVehicle
from bmw2mqtt.accounts.cardata.vehicles import VehicleRegistry
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.guard import BugLogger
from bmw2mqtt.simulator.cardata import (
    CLIENT_ID,
    CarDataSimulator,
    CarDataUser,
    Fault,
    RecordedCarDataCar,
)
from bmw2mqtt.vehicle.observed import ChargeRecord
from tests import virtual_time
from tests.accounts.waiting import wait_written

VIN, OTHER_VIN = "WBA00000000000001", "WMW00000000000002"
PNG = b"\x89PNG and so on"
BUDGET = 45


BEGIN = datetime(2026, 11, 1, 10, 0, tzinfo=UTC)


@dataclass
class SteppedClock:
    """A clock for what runs in no loop: it goes on when it is told to."""

    now: datetime = BEGIN

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        self.now += timedelta(**delta)


class LoopClock:
    """The wall clock of the virtual loop."""

    def __init__(self) -> None:
        self.slept_s: list[float] = []
        """How long somebody slept by it, each time."""

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    async def forward(self, **delta: float) -> None:
        """Let time pass, and all that it brings happen."""
        await virtual_time.forward(**delta)

    async def forward_to(self, moment: datetime | None) -> None:
        assert moment is not None
        await asyncio.sleep((moment - self.now).total_seconds())

    def leap(self, **delta: float) -> None:
        """Set the wall clock while the loop stands still, as when a host was suspended."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, virtual_time.VirtualLoop)
        loop.set_wall_clock(**delta)

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        await asyncio.sleep(seconds)


@dataclass
class Listener:
    """Writes down what the poller reports."""

    vehicles: VehicleRegistry
    listed: list[frozenset[str]] = field(default_factory=list)
    described: list[str] = field(default_factory=list)
    data: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    unwanted: set[str] = field(default_factory=set)
    recorded: set[str] = field(default_factory=set)
    charges: dict[str, list[ChargeRecord]] = field(default_factory=dict)

    def vehicles_listed(self) -> None:
        self.listed.append(self.vehicles.vins)

    def vehicle_described(self, vin: str) -> None:
        self.described.append(vin)

    def telematic_data(
        self, vehicle: CarDataVehicle, data: Mapping[str, Any], received_at: datetime
    ) -> None:
        assert received_at.tzinfo
        self.data[vehicle.vin] = {**self.data.get(vehicle.vin, {}), **data}

    def is_wanted(self, vin: str) -> bool:
        return vin not in self.unwanted

    def is_recorded(self, vin: str) -> bool:
        return vin in self.recorded

    def charges_read(self, vehicle: CarDataVehicle, records: tuple[ChargeRecord, ...]) -> None:
        self.charges.setdefault(vehicle.vin, []).extend(records)


class AccountParts:
    """One account; `restart` begins anew with what is on disk."""

    def __init__(
        self,
        bmw: CarDataSimulator,
        user: CarDataUser,
        clock: LoopClock,
        session: HttpClient,
        folder: Path,
    ) -> None:
        self.bmw = bmw
        self.user = user
        self.clock = clock
        self.session = session
        self.folder = folder
        self.poll_interval_s = 86400
        self.budget_size = BUDGET
        self.client_id = CLIENT_ID
        self.descriptors = wanted_descriptors()
        self.store = Store(folder)
        self._opened: list[ReadingStore] = []
        self.restart()

    def restart(self) -> None:
        wait_written(self.store)
        self.store = Store(self.folder)
        self.state_file = StateFile(self.store, "home")
        self.oauth = OAuth(self.session, self.bmw.auth_url, self.client_id)
        self.credentials = Credentials("home", self.oauth, self.store, self.clock)
        self.credentials.restore()
        self.budget = RequestQuota(self.state_file, self.budget_size, self.clock)
        self.budget.restore()
        self.rest = RestClient(self.session, self.bmw.api_url, self.credentials, self.budget)
        self.containers = Containers(self.rest, self.state_file, self.descriptors, self.clock)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.values = ReadingStore(self.folder / "values-home.db", self.store.writer)
        self.values.open()
        self._opened.append(self.values)
        self.vehicles = VehicleRegistry("home", self.store, self.values, BugLogger())
        self.listener = Listener(self.vehicles)
        self.poller = RestPoller(
            "home",
            self.vehicles,
            self.rest,
            self.containers,
            state_file=self.state_file,
            listener=self.listener,
            poll_interval_s=self.poll_interval_s,
            now=self.clock,
        )
        self.poller.restore()
        self.login = DeviceLogin(self.oauth, now=self.clock, sleep=self.clock.sleep)

    def close(self) -> None:
        """Close the files of every start: each but the last one ended as a killed process does."""
        for values in self._opened:
            values.close()

    @property
    def basic_data(self) -> dict[str, BasicData]:
        """What the cars are, by VIN."""
        return {v.vin: v.basic_data for v in self.vehicles if v.basic_data}

    @property
    def images(self) -> dict[str, bytes]:
        """Their pictures, by VIN."""
        return {v.vin: v.image for v in self.vehicles if v.image}

    def measure(self, vin: str) -> None:
        """Let a car stream a value that it measures now."""
        self.vehicles.add(vin)
        value = {"value": 7, "timestamp": self.clock.now.isoformat()}
        self.values.add(vin).record({"vehicle.vehicle.travelledDistance": value}, self.clock.now)

    async def log_in(self) -> OAuthTokens:
        """Log in as a person does."""
        codes = await self.login.begin()
        self.bmw.approve(codes.user_code)
        return await self.finish(codes)

    async def finish(self, codes: Codes) -> OAuthTokens:
        tokens = await self.login.wait(codes)
        await self.credentials.replace(tokens)
        return tokens

    def break_down(self, *faults: Fault) -> None:
        """Let BMW answer with these alone."""
        self.bmw.faults.clear()
        for fault in faults:
            self.bmw.faults.add(fault)

    def asked(self) -> list[str]:
        """Return what REST was asked since the last time: method and path below `/customers/`."""
        paths = [
            f"{request.method} {request.path.removeprefix('/customers/')}"
            for request in self.bmw.requests
            if request.path.startswith("/customers/")
        ]
        self.bmw.requests.clear()
        return paths


def car(vin: str = VIN, **options: Any) -> RecordedCarDataCar:
    """Return a car with a picture and a mileage."""
    readings = {"vehicle.vehicle.travelledDistance": 41250}
    return RecordedCarDataCar(vin, readings, **{"image": PNG} | options)
