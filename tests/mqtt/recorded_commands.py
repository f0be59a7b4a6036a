"""Commands without sockets: real queue, device registry and publisher; the account records."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiomqtt
from bimmer_connected.tests import VIN_I20
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bmw2mqtt.accounts.mybmw.snapshot.builder import to_vehicle
from bmw2mqtt.accounts.mybmw.snapshot.responses import ReportTrackers, VehicleResponses
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.config import Settings
from bmw2mqtt.devices import DeviceRegistry
from bmw2mqtt.mqtt.commands import Commands
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.received import Received
from bmw2mqtt.mqtt.retained_scan import RetainedScan
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.vehicle.commands import EXECUTED, Command, CommandResult
from bmw2mqtt.vehicle.deadline import Clock, Deadline, elapsed_s
from bmw2mqtt.vehicle.snapshot import Vehicle
from tests.fixture_cars import fixture_car

BASE = "bmw2mqtt"
TURNS = 1000


def fixture_vehicle(vin: str) -> Vehicle:
    """Return a recorded car as an account would report it."""
    car = fixture_car(vin)
    answers = VehicleResponses(
        vin=vin,
        brand="BMW",
        attributes=car.profile_data,
        capabilities=car.state_data["capabilities"],
        state=car.state_data["state"],
        charging_settings=car.charging_data,
        fetched_at=utc_now(),
        found=None,
        is_in_china=False,
    )
    return to_vehicle(
        answers, previous=None, trackers=ReportTrackers(), report=lambda *_: None, image=None
    )


class RecordingAccount:
    """Does what it is told, and remembers it."""

    def __init__(self) -> None:
        self.executed: list[Command] = []
        self.deadlines: list[Deadline] = []
        self.refreshed = 0
        self.refuses: CommandResult | None = None
        self.on_execute: Callable[[], Any] | None = None
        self.on_refresh: Callable[[], Any] | None = None
        self.has_news = False
        self.executor = self

    def refusal(self, _: str, __: Command) -> CommandResult | None:
        return self.refuses

    async def execute(self, _: str, command: Command, deadline: Deadline) -> CommandResult:
        self.executed.append(command)
        self.deadlines.append(deadline)
        return (await self.on_execute()) if self.on_execute else EXECUTED

    def needs_refresh(self, _: Command) -> bool:
        return self.has_news

    def settling_s(self) -> float:
        return 0.0

    async def refresh_vehicle(self, _: str) -> None:
        self.refreshed += 1
        if self.on_refresh:
            await self.on_refresh()


class RecordingPublisher(Publisher):
    """Remembers what is not retained."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, bytes, bytes | None]] = []

    def send(
        self,
        topic: str,
        payload: bytes,
        *,
        correlation_data: bytes | None = None,
        is_expendable: bool = False,  # noqa: ARG002
    ) -> None:
        self.sent.append((topic, payload, correlation_data))


class RecordedCommands:
    """One car that has every command."""

    def __init__(self, clock: Clock = elapsed_s) -> None:
        account = {"backend": "mybmw", "username": "u", "password": "p", "region": "rest_of_world"}
        settings = Settings(accounts={"home": account})
        self.vin = VIN_I20
        self.clock = clock
        self.topics = Topics(BASE, "homeassistant")
        self.publisher = RecordingPublisher()
        self.registry = DeviceRegistry(
            settings, self.topics, self.publisher, RetainedScan(self.topics)
        )
        self.account = RecordingAccount()
        accounts: Any = {"home": self.account}
        self.registry.attach(accounts)
        self.vehicle = fixture_vehicle(VIN_I20)
        self.registry.vehicles_listed("home", frozenset({VIN_I20}), is_complete=True)
        self.registry.vehicle_changed("home", self.vehicle)
        self.commands = Commands(self.registry, self.topics, self.publisher, clock)
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Let the queue work."""
        self.task = asyncio.create_task(self.commands.run())
        await asyncio.sleep(0)

    def receive(self, path: str, payload: bytes | str = b"", **options: Any) -> bool:
        """Receive a message below the car's topic; return whether it was one for commands."""
        topic = self.topics.parse_command(f"{BASE}/{self.vin}/{path}")
        if topic is None:
            return False
        retain = options.pop("retain", False)
        is_stale = options.pop("is_stale", False)
        received_s = self.clock() - options.pop("age_s", 0.0)
        properties = Properties(PacketTypes.PUBLISH)
        for name, value in options.items():
            setattr(properties, name, value)
        if isinstance(payload, str):
            payload = payload.encode()
        message = aiomqtt.Message(f"{BASE}/{self.vin}/{path}", payload, 1, retain, 0, properties)
        self.commands.receive(topic, Received(message, is_stale=is_stale, received_s=received_s))
        return True

    async def settle(self) -> None:
        """Let everything that was received come to its end."""
        assert self.task is not None
        for _ in range(TURNS):
            assert not self.task.done(), "commands.run() has ended"
            if not any(queue.worker for queue in self.commands._queues.values()):
                return
            await asyncio.sleep(0)
        raise AssertionError("does not come to rest")

    def events(self) -> list[dict[str, Any]]:
        """Return the events on the car's topic."""
        topic = self.topics.vehicle(self.vin).command_event
        return [json.loads(payload) for where, payload, _ in self.publisher.sent if where == topic]

    def shown(self, entity: str) -> str:
        """Return what an entity shows."""
        return self.publisher._retained[f"{BASE}/{self.vin}/{entity}"].decode()
