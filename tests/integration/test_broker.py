"""The broker comes and goes; what it retains stays right."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.simulator.mybmw import MyBmwSimulator
from tests.daemon import Daemon, settings_for
from tests.fixture_cars import fixture_car
from tests.mosquitto import Mosquitto, Observer, free_port, retained, wait_until

pytestmark = pytest.mark.no_cover

VIN = "WBA00000000DEMO02"
OTHER_VIN = "WBA00000000DEMO03"
STATUS = "bmw2mqtt/account/home/sensor/status"
LAST_AT_FIRST_START = f"bmw2mqtt/{VIN}/sensor/energy_charged"
"""Published once it is known what earlier runs have left on the broker."""
AVAILABILITY = "bmw2mqtt/bridge/availability"
EXIT_AT_MOST_S = 5.0


@pytest.fixture
def cars() -> list[Any]:
    return [fixture_car(VIN), fixture_car(OTHER_VIN)]


def is_about_a_car(topic: str) -> bool:
    return VIN in topic or OTHER_VIN in topic


def polls(bmw: MyBmwSimulator) -> int:
    """How often BMW was asked for the state of a car."""
    return sum(r.path.endswith("/vehicles/state") for r in tuple(bmw.requests))


def stop(daemon: Daemon, number: int = signal.SIGTERM) -> float:
    """Stop a daemon and return how long that took."""
    started = time.monotonic()
    daemon.signal(number)
    assert daemon.wait() == 0
    return time.monotonic() - started


def test_a_poll_that_brings_nothing_new_publishes_nothing_about_a_car(
    daemon: Callable[..., Daemon], observer: Observer, bmw: MyBmwSimulator
) -> None:
    process = daemon(account={"poll_interval": 1})
    observer.wait_for(STATUS, "ok")
    observer.wait_for(LAST_AT_FIRST_START)
    observer.quiet(0.3)
    seen, asked = len(observer.messages), polls(bmw)
    wait_until(lambda: polls(bmw) >= asked + 6, what="three more polls of both cars")
    observer.publish("bmw2mqtt/end", "of the polls")
    observer.wait_for("bmw2mqtt/end")
    since = observer.messages[seen:]
    assert [m.topic for m in since if is_about_a_car(m.topic)] == []
    assert {m.topic for m in since} > {"bmw2mqtt/account/home/sensor/last_update"}
    assert process.complaints()[1:] == []  # the first is about the short interval


def test_a_broker_that_forgot_everything_gets_everything_again(
    daemon: Callable[..., Daemon], observer: Observer, broker: Mosquitto
) -> None:
    process = daemon(account={"poll_interval": 3600})
    observer.wait_for(STATUS, "ok")
    observer.wait_for(LAST_AT_FIRST_START)
    observer.quiet(0.3)
    before = retained(broker.port)
    assert len(before) > 80
    broker.kill()
    process.wait_log("mqtt_unreachable")
    broker.start()
    with Observer(broker.port) as again:
        wait_until(lambda: again.current() == before, timeout_s=10, what="the same payloads")
        again.quiet(0.3)
    assert retained(broker.port) == before
    reasons = [e["reason"] for e in process.log("warning") if e["event"] == "mqtt_unreachable"]
    assert len(set(reasons)) == len(reasons), "one line per outage and reason"


def test_waits_for_a_broker_that_is_not_there_yet(
    launch: Callable[..., Daemon], bmw: MyBmwSimulator, tmp_path: Path
) -> None:
    port = free_port()
    process = launch(settings_for(bmw, port, tmp_path / "data"))

    def tries() -> list[dict[str, Any]]:
        return [e for e in process.log() if e["event"] == "mqtt_unreachable"]

    wait_until(lambda: len(tries()) >= 3 and polls(bmw) >= 2, what="tries, and BMW is asked")
    levels = [e["level"] for e in tries()]
    assert levels == ["warning", *["debug"] * (len(levels) - 1)]
    with Mosquitto(tmp_path, port=port), Observer(port) as observer:
        observer.wait_for(f"bmw2mqtt/{VIN}/lock/lock", "LOCKED")
        observer.wait_for(AVAILABILITY, "online")
        assert stop(process) < EXIT_AT_MOST_S


def first_seen(messages: list[Any]) -> dict[str, int]:
    order: dict[str, int] = {}
    for index, message in enumerate(messages):
        order.setdefault(message.topic, index)
    return order


def test_home_assistant_starts(
    daemon: Callable[..., Daemon], observer: Observer, broker: Mosquitto
) -> None:
    observer.publish("homeassistant/status", "online", retain=True)  # some day, not now
    process = daemon(account={"poll_interval": 3600})
    observer.wait_for(STATUS, "ok")
    observer.wait_for(LAST_AT_FIRST_START)
    observer.quiet(0.3)
    observer.publish("homeassistant/status", "", retain=True)
    before = retained(broker.port)
    seen = len(observer.messages)
    started = time.monotonic()
    observer.publish("homeassistant/status", "offline")
    observer.publish("homeassistant/status", "online")
    wait_until(
        lambda: before.keys() <= {m.topic for m in observer.messages[seen:]},
        timeout_s=60,
        what="everything again",
    )
    assert time.monotonic() - started > 0.9, "not all bridges at once"
    observer.quiet(0.3)
    order = first_seen(observer.messages[seen:])
    assert before.items() <= {m.topic: m.payload for m in observer.messages[seen:]}.items()
    for vin in (VIN, OTHER_VIN):
        discovery = order[f"homeassistant/device/bmw2mqtt_{vin}/config"]
        availability = order[f"bmw2mqtt/{vin}/availability"]
        states = [
            at
            for topic, at in order.items()
            if topic.startswith(f"bmw2mqtt/{vin}/") and not topic.endswith("/availability")
        ]
        assert discovery < availability < min(states)
    assert order["homeassistant/device/bmw2mqtt_account_home/config"] < order[STATUS]
    assert sum(e["event"] == "homeassistant_started" for e in process.log()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_says_goodbye(
    daemon: Callable[..., Daemon], observer: Observer, broker: Mosquitto, number: int
) -> None:
    process = daemon()
    observer.wait_for(STATUS, "ok")
    assert stop(process, number) < EXIT_AT_MOST_S
    observer.wait_for(AVAILABILITY, "offline")
    assert retained(broker.port)[AVAILABILITY] == b"offline"
    assert process.complaints() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_without_a_broker(
    launch: Callable[..., Daemon], bmw: MyBmwSimulator, tmp_path: Path, number: int
) -> None:
    process = launch(settings_for(bmw, free_port(), tmp_path / "data"))
    process.wait_log("mqtt_unreachable")
    assert stop(process, number) < EXIT_AT_MOST_S


def test_stops_while_the_broker_is_away(
    daemon: Callable[..., Daemon], observer: Observer, broker: Mosquitto
) -> None:
    process = daemon()
    observer.wait_for(STATUS, "ok")
    broker.kill()
    process.wait_log("mqtt_unreachable")
    assert stop(process) < EXIT_AT_MOST_S


def test_the_broker_says_offline_for_a_daemon_that_was_killed(
    daemon: Callable[..., Daemon], observer: Observer, broker: Mosquitto
) -> None:
    process = daemon()
    observer.wait_for(AVAILABILITY, "online")
    process.signal(signal.SIGKILL)
    process.wait()
    observer.wait_for(AVAILABILITY, "offline")
    assert retained(broker.port)[AVAILABILITY] == b"offline"


def test_two_daemons_do_not_share_their_files(
    daemon: Callable[..., Daemon], observer: Observer
) -> None:
    first = daemon()
    observer.wait_for(STATUS, "ok")
    second = daemon(mqtt={"client_id": "another"})
    assert second.wait() == 2
    lines = second.log_file.read_text().splitlines()
    assert len(lines) == 1
    assert "another bmw2mqtt uses" in lines[0]
    assert stop(first) < EXIT_AT_MOST_S


def test_mqtt_3_1_1(daemon: Callable[..., Daemon], observer: Observer, broker: Mosquitto) -> None:
    process = daemon(mqtt={"protocol": "3.1.1"}, account={"poll_interval": 3600})
    observer.wait_for(STATUS, "ok")
    observer.wait_for(LAST_AT_FIRST_START)
    observer.quiet(0.3)
    before = retained(broker.port)
    assert b"LOCKED" in before[f"bmw2mqtt/{VIN}/lock/lock"]
    broker.kill()
    process.wait_log("mqtt_unreachable")
    broker.start()
    with Observer(broker.port) as again:
        wait_until(lambda: again.current() == before, timeout_s=10, what="the same payloads")
        assert stop(process) < EXIT_AT_MOST_S
        again.wait_for(AVAILABILITY, "offline")
    assert {e["level"] for e in process.complaints()} == {"warning"}
