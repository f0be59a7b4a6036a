"""What a former run left on the broker, and nothing stands for any more."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from bmw2mqtt.cli.main import main
from bmw2mqtt.simulator.mybmw import Fault, MyBmwSimulator, SimulatedUser
from tests.daemon import Daemon, settings_for
from tests.fixture_cars import fixture_car
from tests.mosquitto import Mosquitto, Observer, retained, wait_until

pytestmark = pytest.mark.no_cover

VIN = "WBA00000000DEMO02"
OTHER_VIN = "WBA00000000DEMO03"
FORMER_VIN = "WBA00000000SOLD01"
STATUS = "bmw2mqtt/account/home/sensor/status"


@pytest.fixture
def cars() -> list[Any]:
    return [fixture_car(VIN), fixture_car(OTHER_VIN)]


def discovery(identifier: str) -> str:
    return f"homeassistant/device/bmw2mqtt_{identifier}/config"


def payload_of(base: str, *components: str) -> str:
    """A discovery payload as the bridge makes them, with these components."""
    document = {
        "device": {"identifiers": ["x"]},
        "origin": {"name": "bmw2mqtt"},
        "availability": [{"topic": f"{base}/bridge/availability"}],
        "components": {
            component: {
                "platform": component.partition("_")[0],
                "unique_id": component,
                "state_topic": f"{base}/x",
            }
            for component in components
        },
    }
    return json.dumps(document, separators=(",", ":"))


def plant(observer: Observer, topics: dict[str, str]) -> None:
    for topic, payload in topics.items():
        observer.publish(topic, payload, retain=True)
        observer.wait_for(topic, payload)


def a_device_of(base: str, vin: str) -> dict[str, str]:
    """A few topics of a car."""
    return {
        discovery(vin): payload_of(base, "sensor_mileage"),
        f"{base}/{vin}/availability": "online",
        f"{base}/{vin}/state": "{}",
        f"{base}/{vin}/sensor/mileage": "7",
        f"{base}/{vin}/binary_sensor/lids/attributes": "{}",
    }


FOREIGN = {
    **a_device_of("garage/bmw2mqtt", "WBA0000000GARAGE1"),
    discovery(VIN.replace("DEMO", "BOTH")): payload_of("elsewhere", "sensor_mileage"),
    "homeassistant/device/another/config": "{}",
    "homeassistant/sensor/bmw2mqtt/config": "{}",
    "bmw2mqtt/notes": "mine",
    f"bmw2mqtt/{FORMER_VIN}/my/note": "mine",
    "bmw2mqtt/account/home/notes/mine": "mine",
    f"bmw2mqtt/{VIN}/lock/lock/set": "UNLOCK",
    f"bmw2mqtt/{FORMER_VIN}/button/sound_horn/press": "PRESS",
    "bmw2mqtt/account/home/switch/polling/set": "OFF",
}
"""What the bridge never removes."""


def components_said(observer: Observer, topic: str) -> list[dict[str, Any]]:
    """The components of each message on a discovery topic."""
    return [json.loads(m.payload)["components"] for m in observer.on(topic) if m.payload]


def test_an_entity_that_is_gone(daemon: Callable[..., Daemon], observer: Observer) -> None:
    old = {
        discovery(VIN): payload_of("bmw2mqtt", "sensor_mileage", "sensor_oil", "sensor_age"),
        f"bmw2mqtt/{VIN}/sensor/oil": "7",
        f"bmw2mqtt/{VIN}/sensor/oil/attributes": "{}",
        f"bmw2mqtt/{VIN}/sensor/age": "7",
    }
    plant(observer, old)
    process = daemon(account={"poll_interval": 3600})
    process.wait_log("stale_topics_removed")
    observer.wait_for(STATUS, "ok")
    topic = discovery(VIN)
    wait_until(lambda: "sensor_oil" not in components_said(observer, topic)[-1])
    observer.quiet(0.3)
    said = components_said(observer, topic)
    (farewell,) = (c for c in said if c.get("sensor_oil") == {"platform": "sensor"})
    assert farewell["sensor_age"] == {"platform": "sensor"}
    after = said[said.index(farewell) + 1 :]
    assert after
    assert not any({"sensor_oil", "sensor_age"} & components.keys() for components in after)
    assert len(said[-1]["sensor_mileage"]) > 1
    assert old.keys() & observer.current().keys() == {topic}
    emptied = next(m for m in observer.on(f"bmw2mqtt/{VIN}/sensor/oil") if not m.payload)
    goodbye = next(
        m for m in observer.on(topic) if b'"sensor_oil":{"platform":"sensor"}' in m.payload
    )
    assert observer.messages.index(goodbye) < observer.messages.index(emptied)


def test_cars_and_accounts_that_are_gone_and_nothing_else(
    daemon: Callable[..., Daemon], observer: Observer, broker: Mosquitto, cars: list[Any]
) -> None:
    former_account = {
        discovery("account_former"): payload_of("bmw2mqtt", "sensor_status"),
        "bmw2mqtt/account/former/sensor/status": "ok",
        "bmw2mqtt/account/former/sensor/status/attributes": "{}",
        "bmw2mqtt/account/former/switch/polling": "ON",
    }
    former_cars = {
        **a_device_of("bmw2mqtt", FORMER_VIN),
        **a_device_of("bmw2mqtt", OTHER_VIN),
    }
    plant(observer, {**former_account, **former_cars, **FOREIGN})
    process = daemon(account={"poll_interval": 3600}, vehicles={OTHER_VIN: {"enabled": False}})
    process.wait_log("stale_topics_removed")
    observer.wait_for(STATUS, "ok")
    gone = former_account.keys() | former_cars.keys()
    wait_until(lambda: not gone & observer.current().keys(), what="all gone")
    observer.quiet(0.3)
    now = retained(broker.port)
    assert {topic: now.get(topic, b"").decode() for topic in FOREIGN} == FOREIGN
    assert not gone & now.keys()
    assert all(car.performed == [] for car in cars)
    assert now["bmw2mqtt/account/home/switch/polling"] == b"ON", "a retained command is no command"


def test_read_only_is_switched_on(
    daemon: Callable[..., Daemon], observer: Observer, broker: Mosquitto
) -> None:
    first = daemon(account={"poll_interval": 3600})
    observer.wait_for(STATUS, "ok")
    observer.quiet(0.3)
    before = components_said(observer, discovery(VIN))[-1]
    assert first.stop() == 0
    commands = {key for key, fields in before.items() if "command_topic" in fields}
    assert {"lock_lock", "switch_climate", "button_sound_horn", "number_target_soc"} <= commands
    seen = len(observer.on(discovery(VIN)))
    daemon(account={"poll_interval": 3600, "read_only": True})
    gone = commands - {"notify_poi"}
    bare = {key: {"platform": before[key]["platform"]} for key in gone}

    def removal_and_last() -> list[dict[str, Any]]:
        """Return both, where the removal was followed by an announcement without it."""
        said = components_said(observer, discovery(VIN))[seen:]
        return [
            components
            for removal, last in pairwise(said)
            if bare.items() <= removal.items() and not bare.keys() & last.keys()
            for components in (removal, last)
        ]

    wait_until(removal_and_last)
    _, last = removal_and_last()
    assert {k for k, fields in last.items() if "command_topic" in fields} <= {"notify_poi"}
    observer.quiet(0.3)
    topics = retained(broker.port)
    for key in ("lock/lock", "lock/lock/attributes", "number/target_soc", "switch/climate"):
        assert f"bmw2mqtt/{VIN}/{key}" not in topics
    assert f"bmw2mqtt/{VIN}/sensor/mileage" in topics


def test_nothing_of_a_car_is_removed_while_bmw_cannot_be_reached(
    daemon: Callable[..., Daemon], observer: Observer, bmw: MyBmwSimulator
) -> None:
    old = {**a_device_of("bmw2mqtt", VIN), **a_device_of("bmw2mqtt", FORMER_VIN)}
    plant(observer, {**old, "bmw2mqtt/account/former/sensor/status": "ok"})
    bmw.faults.add(Fault(path="/eadrax", status=503))
    process = daemon()
    observer.wait_for(STATUS, "unreachable")
    process.wait_log("stale_topics_removed")  # the former account
    observer.quiet(0.3)
    assert old.items() <= {t: p.decode() for t, p in observer.current().items()}.items()
    bmw.faults.clear()
    observer.publish("bmw2mqtt/account/home/button/refresh/press", "PRESS")
    observer.wait_for(f"bmw2mqtt/{FORMER_VIN}/sensor/mileage", "")
    observer.wait_for(f"bmw2mqtt/{VIN}/sensor/mileage", "1121")


def test_without_home_assistant_old_discovery_is_removed(
    daemon: Callable[..., Daemon], observer: Observer
) -> None:
    first = daemon(account={"poll_interval": 3600})
    observer.wait_for(STATUS, "ok")
    observer.quiet(0.3)
    assert first.stop() == 0
    topics = {topic for topic in observer.current() if topic.startswith("homeassistant/")}
    assert len(topics) == 3
    states = observer.current().keys() - topics
    plant(observer, {"homeassistant/device/another/config": "{}"})
    daemon(account={"poll_interval": 3600}, homeassistant={"enabled": False})
    wait_until(lambda: not topics & observer.current().keys(), what="discovery is gone")
    observer.quiet(0.3)
    assert states <= observer.current().keys()
    assert "homeassistant/device/another/config" in observer.current()


def test_cleanup(
    daemon: Callable[..., Daemon],
    observer: Observer,
    broker: Mosquitto,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = daemon(account={"poll_interval": 3600})
    observer.wait_for(STATUS, "ok")
    observer.quiet(0.3)
    assert first.stop() == 0
    ours = retained(broker.port)
    plant(observer, FOREIGN)
    assert main(["cleanup", "--config", str(first.config)]) == 0
    assert capsys.readouterr().out == f"{len(ours)} retained topics deleted\n"
    assert {t: p.decode() for t, p in retained(broker.port).items()} == FOREIGN
    emptied = [m.topic for m in observer.messages if not m.payload]
    assert [topic for topic in emptied[:3] if topic.startswith("homeassistant/")] == emptied[:3]
    assert main(["cleanup", "--config", str(first.config)]) == 0
    assert capsys.readouterr().out == "0 retained topics deleted\n"


@pytest.mark.parametrize("prefix", ["bmw/", "cars/bmw-", "bmw"])
def test_cleanup_removes_what_was_relayed(
    prefix: str,
    observer: Observer,
    broker: Mosquitto,
    bmw: MyBmwSimulator,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = settings_for(bmw, broker.port, tmp_path / "data")
    settings["accounts"]["eu"] = {
        "backend": "cardata",
        "client_id": "0a0a0a0a-0000-0000-0000-00000000000b",
        "relay_prefix": prefix,
    }
    (tmp_path / "cleanup.yaml").write_text(yaml.safe_dump(settings))
    others = {f"{prefix}{VIN}/x": "1", f"{prefix}status": "2", f"other/{VIN}": "3"}
    plant(observer, others | {f"{prefix}{VIN}": "{}"})
    assert main(["cleanup", "--config", str(tmp_path / "cleanup.yaml")]) == 0
    assert capsys.readouterr().out == "1 retained topic deleted\n"
    assert retained(broker.port).keys() == others.keys()


def let_a_day_pass(state_file: Path) -> None:
    """Move the times of lists without a car into the past."""
    state = json.loads(state_file.read_text())
    missed = state["vehicles"]["missed_since"]
    for vin, text in missed.items():
        missed[vin] = (datetime.fromisoformat(text) - timedelta(days=1)).isoformat()
    assert missed
    state_file.write_text(json.dumps(state))


def test_a_car_changes_accounts(
    launch: Callable[[dict[str, Any]], Daemon],
    observer: Observer,
    broker: Mosquitto,
    bmw: MyBmwSimulator,
    cars: list[Any],
    tmp_path: Path,
) -> None:
    """It shows in Home Assistant as the new account's, a day after it has left the other one."""
    second = SimulatedUser(username="you@example.com", password="p")
    bmw.accounts.users.append(second)
    settings = settings_for(bmw, broker.port, tmp_path / "data", account={"poll_interval": 3600})
    settings["accounts"]["office"] = settings["accounts"]["home"] | {
        "username": second.username,
        "password": second.password,
        "captcha_token": "second",
    }
    process = launch(settings)
    observer.wait_for(f"bmw2mqtt/{VIN}/lock/lock", "LOCKED")
    observer.wait_for("bmw2mqtt/account/office/sensor/status", "error")
    second.cars = [cars.pop(0)]
    observer.publish("bmw2mqtt/account/home/button/refresh/press", "")
    observer.publish("bmw2mqtt/account/office/button/refresh/press", "PRESS")
    process.wait_log("vehicle_not_listed")
    observer.wait_for("bmw2mqtt/account/office/sensor/status", "ok")
    observer.quiet(0.3)
    topics = retained(broker.port)
    assert topics[f"bmw2mqtt/{VIN}/lock/lock"] == b"LOCKED", "one list without it removes nothing"
    assert process.stop() == 0
    let_a_day_pass(tmp_path / "data" / "account-home.json")
    process = launch(settings)
    process.wait_log("vehicle_removed")
    wait_until(
        lambda: (
            json.loads(observer.current()[discovery(VIN)] or b'{"device": {}}')["device"].get(
                "via_device"
            )
            == "bmw2mqtt_account_office"
        )
    )
    observer.wait_for(f"bmw2mqtt/{VIN}/lock/lock", "LOCKED")
