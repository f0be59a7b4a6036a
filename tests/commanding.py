"""A daemon, a broker and a simulated BMW, with commands at hand."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bmw2mqtt.simulator.mybmw import MyBmwSimulator, RecordedCar, RecordedRequest, SimulatedUser
from tests.conftest import BackgroundBmw
from tests.daemon import Daemon, settings_for
from tests.fixture_cars import fixture_car
from tests.mosquitto import Mosquitto, Observer, Seen, wait_until

BASE = "bmw2mqtt"
LIMIT_S = 60.0
LOCATION = {"latitude": 48.1, "longitude": 11.5}
EVENT_FIELDS = {
    *("event_type", "id", "entity", "payload", "reason", "message", "received_at", "finished_at")
}
COMMAND_PATHS = ("/remote-commands/", "/eadrax-crccs/v1/", "/send-to-car")
TOLD_PATHS = ("/vehicles/state", "/eadrax-crccs/v2/vehicles")
"""Where BMW is asked how a car is."""


class Gate:
    """What becomes of a command: nothing, until the test says what."""

    details: Mapping[str, Any] = {}

    def __init__(self) -> None:
        self._status = "PENDING"
        self.asked = threading.Event()

    def answer(self, _: int) -> dict[str, Any]:
        """Answer a poll."""
        self.asked.set()
        return {"eventStatus": self._status}

    def open(self, status: str = "EXECUTED") -> None:
        """Let the command end."""
        self._status = status


class CommandedDaemon:
    """What a test of commands works with."""

    def __init__(
        self,
        process: Daemon,
        servers: BackgroundBmw,
        bmw: MyBmwSimulator,
        broker: Mosquitto,
        observer: Observer,
        cars: Sequence[RecordedCar],
    ) -> None:
        self.process = process
        self.broker = broker
        self.port = broker.port
        self.call = servers.call
        self.bmw = bmw
        self.observer = observer
        self.cars = {car.vin: car for car in cars}
        self._mileage = 500_000

    # MQTT

    def topic(self, vin: str, path: str) -> str:
        return f"{BASE}/{vin}/{path}"

    def send(self, vin: str, path: str, payload: str | bytes = "", **options: Any) -> None:
        """Publish below a car's topic; MQTT 5 properties are options with paho's names."""
        retain = options.pop("retain", False)
        properties = None
        if options:
            properties = Properties(PacketTypes.PUBLISH)
            for name, value in options.items():
                setattr(properties, name, value)
        self.observer.publish(self.topic(vin, path), payload, retain=retain, properties=properties)

    def events(self, vin: str) -> list[dict[str, Any]]:
        """Return what was said on a car's event topic so far, oldest first."""
        return [json.loads(m.payload) for m in self.observer.on(self.topic(vin, "event/command"))]

    def wait_events(self, vin: str, count: int) -> list[dict[str, Any]]:
        """Wait until there are so many events of a car; return them all."""
        wait_until(lambda: len(self.events(vin)) >= count, LIMIT_S, f"{count} events")
        events = self.events(vin)
        assert len(events) == count, events[count - 1 :]
        return events

    def command(self, vin: str, path: str, payload: str | bytes = "", **options: Any) -> Any:
        """Send a command; return its event."""
        count = len(self.events(vin))
        self.send(vin, path, payload, **options)
        return self.wait_events(vin, count + 1)[-1]

    def wait_for(self, vin: str, entity: str, payload: str | None = None) -> Seen:
        """Wait until an entity shows something."""
        return self.observer.wait_for(self.topic(vin, entity), payload, LIMIT_S)

    def shown(self, vin: str, entity: str, since: int = 0) -> list[str]:
        """Return what an entity showed, leaving out the first messages of all."""
        topic = self.topic(vin, entity)
        return [m.text for m in tuple(self.observer.messages)[since:] if m.topic == topic]

    # BMW

    def hold(self, **which: Any) -> Gate:
        """Let the next command (of a service, of a car) wait until the gate is opened."""
        gate: Any = Gate()
        self.bmw.outcomes.plan(gate, times=1, **which)
        return gate

    def requests(self, *parts: str, since: int = 0, vin: str | None = None) -> list[Any]:
        """Return the requests whose path has one of these parts."""
        return [
            request
            for request in tuple(self.bmw.requests)[since:]
            if any(part in request.path for part in parts or ("",)) and vin in (None, request.vin)
        ]

    def triggers(self, since: int = 0) -> list[RecordedRequest]:
        """Return the requests that told a car to do something."""
        polls = ("/eventStatus", "/eventPosition")
        found = self.requests(*COMMAND_PATHS, since=since)
        return [request for request in found if not request.path.endswith(polls)]

    def mark(self, vin: str) -> str:
        """Let a car's mileage be new; whoever sees it has asked after this moment."""
        self._mileage += 1
        state = self.cars[vin].state_data["state"]
        state["currentMileage"] = self._mileage
        return str(self._mileage)

    def wait_refreshed(self, vin: str, mileage: str) -> None:
        """Wait until a mark is seen, and all that came with it."""
        self.wait_for(vin, "sensor/mileage", mileage)
        self.command(vin, "none/fence/set")  # its answer is the last in the queue

    def reset(self) -> None:
        """Let BMW work again, and each car be as it was recorded and seen so."""
        self.bmw.faults.clear()
        self.bmw.outcomes.clear()
        marks = {}
        has_charged = any(
            _charging(car) != _charging(fixture_car(vin)) for vin, car in self.cars.items()
        )
        if has_charged:  # a car reports in whole seconds: not twice in the same one
            second = int(time.time())
            wait_until(lambda: int(time.time()) > second, LIMIT_S, "another second")
        for vin, car in self.cars.items():
            fresh = fixture_car(vin)
            car.state_data, car.charging_data = fresh.state_data, fresh.charging_data
            car.finder_position = fresh.finder_position
            if car.state_data["capabilities"].get("lastStateCallState"):
                marks[vin] = self.mark(vin)
        self.observer.publish(f"{BASE}/account/home/button/refresh/press", "PRESS")
        for vin, mileage in marks.items():
            self.wait_refreshed(vin, mileage)


def _charging(car: Any) -> Any:
    return car.state_data["state"].get("electricChargingState")


@contextmanager
def rig(
    directory: Path,
    *vins: str,
    account: dict[str, Any] | None = None,
    event_polling_s: tuple[float, float] = (0.05, 240),
    before: Callable[[Observer], None] | None = None,
    **sections: Any,
) -> Iterator[CommandedDaemon]:
    """Start everything for one account with these cars; polls happen on request only.

    Args:
        directory: where files go.
        vins: which of the recorded cars.
        account: further settings of the account.
        event_polling_s: how often, and for how long at most, BMW is asked about a command.
        before: what to publish before the daemon starts.
        sections: further sections of the configuration.
    """
    cars = [fixture_car(vin) for vin in vins]
    user = SimulatedUser(username="me@example.com", password="a-password-42", cars=cars)
    servers = BackgroundBmw()
    try:
        bmw = servers.start(user)
        with Mosquitto(directory) as broker, Observer(broker.port) as observer:
            if before is not None:
                before(observer)
            settings = settings_for(
                bmw,
                broker.port,
                directory / "data",
                account={"poll_interval": 0, **(account or {})},
                **sections,
            )
            process = Daemon(directory / "daemon", settings, event_polling_s=event_polling_s)
            with process:
                observer.wait_for(f"{BASE}/account/home/sensor/status", "ok", LIMIT_S)
                yield CommandedDaemon(process, servers, bmw, broker, observer, cars)
    finally:
        servers.close()
