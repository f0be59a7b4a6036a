"""The recipe for ioBroker: its controller and both MQTT adapters read the demo's cars."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.markdown import DOCS
from tests.mosquitto import Observer, free_port, wait_until
from tests.recipes.conftest import INSTALLED, Program

CLIENT, MQTT = "mqtt-client.0", "mqtt.0"
PAGE = (DOCS / "recipes" / "iobroker.md").read_text("utf-8")
SUBSCRIPTIONS = (
    "bmw2mqtt/+/state,bmw2mqtt/+/availability,bmw2mqtt/+/event/command,"
    "bmw2mqtt/account/+/sensor/status"
)
PATTERNS = (
    "bmw2mqtt/+/sensor/+,bmw2mqtt/+/binary_sensor/+,bmw2mqtt/+/lock/+,bmw2mqtt/+/switch/+,"
    "bmw2mqtt/+/availability,bmw2mqtt/+/device_tracker/location,bmw2mqtt/+/event/+"
)
MASK = "mqtt.0.bmw2mqtt.*.set"
COMMAND_STATE = "0_userdata.0.bmw_lock"


class IoBroker:
    """The controller of one host, and its command line."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._controller = directory / "node_modules" / "iobroker.js-controller"
        self._path = f"{directory / 'node_modules' / '.bin'}:{os.environ['PATH']}"

    def command(self, script: str) -> list[str]:
        node = shutil.which("node", path=self._path)
        assert node
        return [node, str(self._controller / script)]

    def run(self, *arguments: str) -> str:
        """Run `iobroker ...` and return what it prints."""
        environment = {**os.environ, "PATH": self._path}
        command = [*self.command("iobroker.js"), *arguments]
        with tempfile.TemporaryFile() as output:  # into a pipe it does not write everything
            subprocess.run(
                command,
                cwd=self._directory,
                env=environment,
                stdout=output,
                stderr=output,
                timeout=120,
                check=False,  # its exit status tells little
            )
            output.seek(0)
            return output.read().decode(errors="replace")

    def set_up(self) -> None:
        """Make a new, empty installation whose databases use free ports; it has an `admin.0`."""
        shutil.rmtree(self._directory / "iobroker-data", ignore_errors=True)
        self.run("setup", "first")
        settings = self._directory / "iobroker-data" / "iobroker.json"
        document = json.loads(settings.read_text("utf-8"))
        for database in ("objects", "states"):
            document[database]["port"] = free_port()
        settings.write_text(json.dumps(document))

    def extend(self, name: str, **what: Any) -> None:
        assert "updated successfully" in self.run("object", "extend", name, json.dumps(what))

    def make_state(self, name: str, custom: dict[str, Any], native: dict[str, Any]) -> None:
        """Make a text state that can be written."""
        common = {"name": name, "type": "string", "role": "text", "read": True, "write": True}
        document = {"type": "state", "common": {**common, "custom": custom}, "native": native}
        assert "updated successfully" in self.run("object", "set", name, json.dumps(document))

    def states(self, adapter: str) -> dict[str, str]:
        """Return the values of an adapter's states as the command line prints them."""
        row = re.compile(r"^(?P<id>\S+)\s*: from \[[^]]*\] \([^)]*\)\s+(?:not )?ack (?P<value>.*)$")
        lines = self.run("list", "states", f"{adapter}.*").splitlines()
        return {found["id"]: found["value"] for line in lines if (found := row.match(line))}


@pytest.fixture
def iobroker(log_dir: Path, demo_port: int) -> Iterator[IoBroker]:
    iobroker = IoBroker(INSTALLED / "iobroker")
    iobroker.set_up()
    for instance in (CLIENT, MQTT):
        added = iobroker.run("add", instance.removesuffix(".0"))
        assert f"object system.adapter.{instance} created" in added
    command = iobroker.command("controller.js")
    with Program(INSTALLED / "iobroker", log_dir / "iobroker.log", *command):
        wait_until(lambda: "is running" in iobroker.run("status"), what="the controller runs")
        iobroker.extend("system.adapter.admin.0", common={"enabled": False})
        server = {"host": "127.0.0.1", "port": demo_port, "mqttVersion": 5}
        splitting = {"subscriptions": SUBSCRIPTIONS, "splitJsonTopics": "bmw2mqtt/+/state"}
        iobroker.extend(
            f"system.adapter.{CLIENT}", native={**server, **splitting, "outbox": "", "inbox": ""}
        )
        client = {"type": "client", "url": "127.0.0.1", "port": demo_port, "protocolVersion": 5}
        topics = {"patterns": PATTERNS, "publish": MASK, "publishAllOnStart": False}
        iobroker.extend(
            f"system.adapter.{MQTT}", common={"enabled": True}, native={**client, **topics}
        )
        yield iobroker
    for log in (INSTALLED / "iobroker" / "log").glob("iobroker.2*.log"):
        shutil.copy(log, log_dir)


def test_cars_are_states_and_commands_reach_them(iobroker: IoBroker, demo_port: int) -> None:
    for setting in (SUBSCRIPTIONS, PATTERNS, MASK):
        assert setting in PAGE
    with Observer(demo_port, "bmw2mqtt/#") as observer:
        observer.quiet(0.3)
        cars = _cars(observer)
        (lockable, *_) = (vin for vin, car in cars.items() if car.get("lock", {}).get("lock"))
        (electric, *_) = (vin for vin, car in cars.items() if _soc(car) is not None)
        _split_values(iobroker, cars, observer)
        _text_values(iobroker, electric)

        topic = f"bmw2mqtt/{lockable}/lock/lock/set"
        settings = {"enabled": True, "topic": topic, "publish": True, "retain": False, "qos": 1}
        plain = {"pubAsObject": False, "pubChangesOnly": False, "subscribe": False}
        iobroker.make_state(COMMAND_STATE, {CLIENT: {**settings, **plain}}, {})
        _order(iobroker, observer, COMMAND_STATE, topic, "LOCK")

        own = f"mqtt.0.bmw2mqtt.{lockable}.switch.climate.set"
        topic = f"bmw2mqtt/{lockable}/switch/climate/set"
        iobroker.make_state(own, {}, {"topic": topic})
        _order(iobroker, observer, own, topic, "ON")


def _cars(observer: Observer) -> dict[str, Any]:
    return {
        topic.split("/")[1]: json.loads(payload)
        for topic, payload in observer.current().items()
        if re.fullmatch("bmw2mqtt/[A-Z0-9]{17}/state", topic)
    }


def _soc(car: dict[str, Any]) -> Any:
    return car["sensor"].get("remaining_battery_percent")


def _split_values(iobroker: IoBroker, cars: dict[str, Any], observer: Observer) -> None:
    """Check what `mqtt-client` makes of the cars' documents: a state for each value."""

    def as_published() -> bool:
        current, states = _cars(observer), iobroker.states(CLIENT)
        return all(
            _is_alike(current[vin][platform][key], states.get(f"{name}.{platform}.{key}", "null"))
            for vin in cars
            for name in (f"{CLIENT}.bmw2mqtt.{vin}.state",)
            for platform, key in (("sensor", "mileage"), ("binary_sensor", "lids"))
        )

    wait_until(as_published, timeout_s=90, what="states of mqtt-client")
    assert all(
        iobroker.states(CLIENT)[f"{CLIENT}.bmw2mqtt.{vin}.availability"] == '"online"'
        for vin in cars
    )


def _is_alike(published: Any, state: str) -> bool:
    """Compare in type, and roughly in value: the cars drive on meanwhile."""
    value = json.loads(state)
    if isinstance(published, bool):
        return isinstance(value, bool)
    return isinstance(value, int | float) and abs(value - published) < 50


def _text_values(iobroker: IoBroker, electric: str) -> None:
    """Check what `mqtt` makes of single topics."""
    prefix = f"{MQTT}.bmw2mqtt.{electric}"

    def shown() -> bool:
        states = iobroker.states(MQTT)
        return (
            states.get(f"{prefix}.sensor.remaining_battery_percent", "").replace(".", "").isdigit()
            and states.get(f"{prefix}.binary_sensor.lids") in {'"ON"', '"OFF"'}
            and states.get(f"{prefix}.availability") == '"online"'
        )

    wait_until(shown, timeout_s=60, what="states of mqtt")


def _order(iobroker: IoBroker, observer: Observer, state: str, topic: str, payload: str) -> None:
    """Write a command state until the adapter knows it; the car must carry it out."""
    vin = topic.split("/")[1]

    def arrived() -> list[str]:
        return [message.text for message in observer.on(topic)]

    def sent() -> bool:
        iobroker.run("state", "set", state, payload)
        return bool(arrived())

    wait_until(sent, timeout_s=60, what=f"{payload} at {topic}")
    assert set(arrived()) == {payload}
    assert not any(message.retain for message in observer.on(topic))

    def is_executed() -> bool:
        events = [json.loads(event.text) for event in observer.on(f"bmw2mqtt/{vin}/event/command")]
        return ("executed", payload) in {(e["event_type"], e["payload"]) for e in events}

    wait_until(is_executed, timeout_s=60, what=f"{payload} was executed")
