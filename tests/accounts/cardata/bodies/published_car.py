"""A CarData car in virtual time: what REST and the stream bring, and the topics it leads to."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from bmw2mqtt.accounts.cardata.basic_data import BasicData
from bmw2mqtt.accounts.cardata.receiver import VehicleReceiver
from bmw2mqtt.accounts.cardata.snapshot.updater import SnapshotUpdater
from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from bmw2mqtt.accounts.cardata.vehicles import VehicleRegistry
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.config import Settings
from bmw2mqtt.devices import DeviceRegistry
from bmw2mqtt.guard import BugLogger
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.retained_scan import RetainedScan
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.simulator.cardata import CLIENT_ID
from tests.accounts.cardata.bodies.body import NOW, Body, Entry
from tests.virtual_time import VirtualLoop

VIN = "WBA00000000000001"
_ACCOUNT = "eu"
_SETTINGS = {"accounts": {_ACCOUNT: {"backend": "cardata", "client_id": CLIENT_ID}}}
SETTLED_S = 1.3
"""So long after its last message a burst is published."""


def now() -> datetime:
    return datetime.now(UTC)


class PublishedCar:
    """One car of one account, and a publisher without a broker."""

    def __init__(self, folder: Path, basic: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._store = Store(folder)
        self._readings = ReadingStore(folder / "readings.db")
        self._readings.open()
        bugs = BugLogger()
        self._publisher = Publisher()
        topics = Topics("bmw2mqtt", "homeassistant")
        self.registry = DeviceRegistry(
            Settings.model_validate(_SETTINGS), topics, self._publisher, RetainedScan(topics)
        )
        self._vehicles = VehicleRegistry(_ACCOUNT, self._store, self._readings, bugs)
        self._updater = SnapshotUpdater(
            _ACCOUNT, self._vehicles, self._readings, self.registry, bug_logger=bugs, now=now
        )
        self.receiver = VehicleReceiver(
            _ACCOUNT, self._vehicles, self._readings, self._updater, self.registry, now
        )
        self._vehicle = self._vehicles.add(VIN)
        self._vehicle.basic_data = BasicData.parse(basic)
        self.receiver.vehicles_listed()

    def close(self) -> None:
        self._updater.close()
        self._readings.close()

    async def read(self, data: Mapping[str, Entry]) -> None:
        """Let REST answer."""
        self.receiver.telematic_data(self._vehicle, data, now())
        await asyncio.sleep(SETTLED_S)

    async def stream(self, messages: Iterable[Mapping[str, Entry]]) -> None:
        """Let messages come, ten in each moment."""
        for number, data in enumerate(messages):
            payload = json.dumps({"vin": VIN, "data": data}).encode()
            self.receiver.stream_message(f"gcid/{VIN}", payload)
            if number % 10 == 9:
                await asyncio.sleep(0.3)
        await asyncio.sleep(SETTLED_S)

    async def settle(self) -> None:
        """Let the minute pass after which times are published."""
        for _ in range(2):
            await asyncio.sleep(61)
            self.registry.publish_times()

    @property
    def topics(self) -> dict[str, Any]:
        """The retained topics of the car; the discovery payload as its components."""
        root = f"bmw2mqtt/{VIN}/"
        found = {
            topic.removeprefix(root): _value(payload)
            for topic, payload in self._publisher._retained.items()
            if topic.startswith(root)
        }
        discovery = self._publisher._retained[f"homeassistant/device/bmw2mqtt_{VIN}/config"]
        found["components"] = json.loads(discovery)["components"]
        return found


def _value(payload: bytes) -> Any:
    text = payload.decode()
    return json.loads(text) if text.startswith("{") else text


def publish(
    folder: Path, body: Body, play: Callable[[PublishedCar], Coroutine[Any, Any, None]]
) -> dict[str, Any]:
    """Return what is published of a car after everything of it has arrived."""

    async def run() -> dict[str, Any]:
        car = PublishedCar(folder, body.basic)
        try:
            await play(car)
            await car.settle()
            return car.topics
        finally:
            car.close()

    with asyncio.Runner(loop_factory=partial(VirtualLoop, NOW)) as runner:
        return runner.run(run())
