"""Retained topics that somebody deleted come back, and the log says so once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from bmw2mqtt.cli.main import main
from bmw2mqtt.simulator.mybmw import RecordedCar
from tests.daemon import Daemon
from tests.fixture_cars import two_cars
from tests.mosquitto import Mosquitto, Observer, retained, wait_until

pytestmark = pytest.mark.no_cover

STATUS = "bmw2mqtt/account/home/sensor/status"
Start = Callable[..., Daemon]


@pytest.fixture
def cars() -> list[RecordedCar]:
    return two_cars()


@pytest.fixture(params=["5", "3.1.1"])
def process(request: pytest.FixtureRequest, daemon: Start, observer: Observer) -> Daemon:
    """A bridge that has published everything."""
    started = daemon(account={"poll_interval": 3600}, mqtt={"protocol": request.param})
    observer.wait_for(STATUS, "ok")
    observer.quiet(1.5)
    return started


def missing(process: Daemon) -> list[dict[str, Any]]:
    return [e for e in process.log("info") if e["event"] == "retained_topics_missing"]


def give_birth(observer: Observer) -> None:
    observer.publish("homeassistant/status", "online")


def wait_until_all_is_back(before: dict[str, bytes], port: int) -> None:
    wait_until(lambda: before.keys() <= retained(port).keys(), what="all is back")


def test_deleted_topics_come_back_when_home_assistant_starts(
    process: Daemon, observer: Observer, broker: Mosquitto
) -> None:
    before = retained(broker.port)
    images = {topic for topic in before if topic.endswith("/image/vehicle")}
    discoveries = {topic for topic in before if topic.startswith("homeassistant/")}
    deleted = images | discoveries | {"bmw2mqtt/bridge/info", STATUS}
    assert images
    assert len(discoveries) > 1
    for topic in deleted:
        observer.publish(topic, "", retain=True)
    give_birth(observer)
    wait_until_all_is_back(before, broker.port)
    (line,) = wait_until(lambda: missing(process), what="the log")
    assert line["topics"] == len(deleted)
    assert set(line["examples"]) <= deleted

    births = len(observer.on(STATUS))
    give_birth(observer)
    wait_until(lambda: len(observer.on(STATUS)) > births, what="everything again")
    observer.quiet(0.5)
    assert len(missing(process)) == 1, "nothing was missing the second time"


def test_a_forced_clean_up_is_repaired(
    process: Daemon, observer: Observer, broker: Mosquitto
) -> None:
    before = retained(broker.port)
    assert main(["cleanup", "--force", "--config", str(process.config)]) == 0
    assert retained(broker.port) == {}
    give_birth(observer)
    wait_until_all_is_back(before, broker.port)
    assert [line["topics"] for line in missing(process)] == [len(before)]


def test_topics_that_are_gone_after_a_reconnect(
    daemon: Start, broker: Mosquitto, tmp_path: Path
) -> None:
    process = daemon(account={"poll_interval": 3600})
    with Observer(broker.port) as observer:
        observer.wait_for(STATUS, "ok")
        observer.quiet(1.5)
        before = retained(broker.port)
    broker.kill()
    with Mosquitto(tmp_path, port=broker.port):
        wait_until_all_is_back(before, broker.port)
        (line,) = wait_until(lambda: missing(process), what="the log")
        assert line["topics"] == len(before)


def test_a_reconnect_at_which_nothing_is_missing(
    daemon: Start, broker: Mosquitto, observer: Observer
) -> None:
    """A second client with our id throws the bridge out; the broker keeps what is retained."""
    process = daemon(account={"poll_interval": 3600}, mqtt={"client_id": "ours"})
    observer.wait_for(STATUS, "ok")
    observer.quiet(1.5)
    seen = len(observer.messages)
    other = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="ours")
    other.connect("127.0.0.1", broker.port)
    other.loop()
    wait_until(lambda: sum(e["event"] == "mqtt_connected" for e in process.log()) > 1, what="again")
    wait_until(
        lambda: any(m.topic.endswith("image/vehicle") for m in observer.messages[seen:]),
        what="everything again",
    )
    observer.quiet(2.0)
    assert missing(process) == []
