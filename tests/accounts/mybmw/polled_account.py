"""An account in this process, and somebody who reads what it publishes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bmw2mqtt.accounts.mybmw.account import MyBmwAccount
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.config import MyBmwSettings as AccountSettings
from bmw2mqtt.entities import VEHICLE_ENTITIES
from bmw2mqtt.mqtt.device import Device
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.simulator.mybmw import Fault, MyBmwSimulator, SimulatedUser
from bmw2mqtt.simulator.tls import Certificates
from bmw2mqtt.vehicle.account import AccountState, AccountStatus
from bmw2mqtt.vehicle.observed import ObservedVehicle
from bmw2mqtt.vehicle.snapshot import Vehicle

TOPICS = Topics("bmw2mqtt", "homeassistant")
POLL_TIMEOUT_S = 20.0


class Broker:
    """What a broker would retain; stands in for the publisher."""

    def __init__(self) -> None:
        self.topics: dict[str, str] = {}

    def retain(self, topic: str, payload: bytes, **_: Any) -> None:
        self.topics[topic] = payload.decode() if topic.find("/image/") < 0 else "PNG"

    def clear(self, topic: str) -> None:
        self.topics.pop(topic, None)


class Consumer:
    """The account's listener; shows topics as a subscriber sees them."""

    def __init__(self) -> None:
        self.broker = Broker()
        self.snapshots: list[Vehicle] = []
        """Every snapshot the account has told of, oldest first."""
        self.observed: list[ObservedVehicle] = []
        """What the account has passed on for the history, oldest first."""
        self.listed: frozenset[str] = frozenset()
        self.changed = asyncio.Event()
        self.capacities_kwh: dict[str, float] = {}
        """What the owner has configured, by VIN."""
        self._devices: dict[str, Device[Vehicle]] = {}

    def account_changed(self, _: AccountState) -> None:
        self.changed.set()

    def vehicles_listed(self, _: str, vins: frozenset[str], *, is_complete: bool) -> None:  # noqa: ARG002
        self.listed = vins

    def vehicle_changed(self, _: str, vehicle: Vehicle) -> None:
        self.snapshots.append(vehicle)
        if vehicle.vin not in self._devices:
            publisher: Any = self.broker
            self._devices[vehicle.vin] = Device(
                publisher, TOPICS.vehicle(vehicle.vin), VEHICLE_ENTITIES, discovery=None
            )
        self._devices[vehicle.vin].publish(vehicle)

    def vehicle_seen(self, _: str, __: str) -> None:
        pass

    def vehicle_observed(self, _: str, observed: ObservedVehicle) -> None:
        self.observed.append(observed)

    def is_wanted(self, _: str, __: str) -> bool:
        return True

    def battery_capacity_kwh(self, vin: str) -> float | None:
        return self.capacities_kwh.get(vin)

    @property
    def vins(self) -> set[str]:
        """The cars that are shown."""
        return set(self._devices)

    def car(self, vin: str) -> dict[str, str]:
        """Return a car's topics: `sensor/mileage` and its text."""
        root = f"{TOPICS.vehicle(vin).root}/"
        return {
            topic.removeprefix(root): text
            for topic, text in self.broker.topics.items()
            if topic.startswith(root)
        }

    def attributes(self, vin: str, entity: str) -> dict[str, Any]:
        """Return the attributes of one entity."""
        attributes: dict[str, Any] = json.loads(self.car(vin)[f"{entity}/attributes"])
        return attributes


class PolledAccount:
    """A running account, polled when a test says so."""

    def __init__(self, account: MyBmwAccount, consumer: Consumer) -> None:
        self.account = account
        self.consumer = consumer

    async def poll(self) -> AccountState:
        """Let it ask BMW once, and return how it stands afterwards."""
        self.account.set_polling(is_polling=True)
        async with asyncio.timeout(POLL_TIMEOUT_S):
            while self.account.state.status is AccountStatus.STARTING:
                self.consumer.changed.clear()
                await self.consumer.changed.wait()
        return self.account.state

    async def poll_with_list(self) -> AccountState:
        """Let it ask BMW once, also which cars there are."""
        self.account.refresh()
        return await self.poll()


@asynccontextmanager
async def polled_account(
    bmw: MyBmwSimulator, user: SimulatedUser, certificates: Certificates, data_dir: Path
) -> AsyncIterator[PolledAccount]:
    """Run an account of this user; pictures are left out."""
    bmw.faults.add(Fault(path="/eadrax-ics/", status=404))
    settings = AccountSettings.model_validate(
        {
            "backend": "mybmw",
            "username": user.username,
            "password": user.password,
            "region": user.region,
            "captcha_token": f"captcha-{data_dir}",
            "server": bmw.server,
            "poll_interval": 0,
        }
    )
    store = Store(data_dir)
    store.open()
    consumer = Consumer()
    account = MyBmwAccount(
        "home", settings, store=store, listener=consumer, tls=certificates.client_context()
    )
    account.set_polling(is_polling=False)  # nothing is asked before the test says so
    task = asyncio.create_task(account.run())
    try:
        yield PolledAccount(account, consumer)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        store.close()
