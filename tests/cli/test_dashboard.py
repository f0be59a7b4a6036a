"""`bmw2mqtt dashboard` reads from the broker what the running daemon announces."""

import pytest

from bmw2mqtt.cli.main import main
from tests.cli.configuration import config
from tests.homeassistant.test_dashboard import PETROL, PLUGIN_HYBRID, TOPICS, payloads
from tests.mosquitto import Mosquitto, Observer, free_port
from tests.yaml_text import read_yaml

Output = pytest.CaptureFixture[str]


def announce(observer: Observer, *vins: str, is_online: bool = True) -> None:
    """Publish what a daemon with these cars retains, beside another bridge's."""
    cars = [car for car in (PLUGIN_HYBRID, PETROL) if car.vin in vins]
    devices = [TOPICS.account("home"), *(TOPICS.vehicle(car.vin) for car in cars)]
    for device, payload in zip(devices, payloads(*cars), strict=True):
        observer.publish(device.discovery, payload, retain=True)
    observer.publish("homeassistant/device/zigbee/config", b'{"device": {}}', retain=True)
    foreign = payloads(PETROL)[1].replace(b"bmw2mqtt/bridge", b"other/bridge")
    topic = TOPICS.vehicle("WBA00000000000009").discovery
    observer.publish(topic, foreign, retain=True)
    state = b"online" if is_online else b"offline"
    observer.publish(TOPICS.bridge_availability, state, retain=True)
    observer.wait_for(TOPICS.bridge_availability, state.decode())


def run(port: int, *arguments: str, **sections: object) -> int:
    path = config(mqtt={"host": "127.0.0.1", "port": port}, **sections)
    return main(["dashboard", "--config", path, *arguments])


def test_it_prints_the_cars_of_the_running_daemon(
    broker: Mosquitto, observer: Observer, capsys: Output
) -> None:
    announce(observer, PLUGIN_HYBRID.vin, PETROL.vin)
    assert run(broker.port) == 0
    document = read_yaml(capsys.readouterr().out)
    assert [view["title"] for view in document["views"]] == ["X", "118i"]
    assert run(broker.port, "--language", "de") == 0
    assert read_yaml(capsys.readouterr().out)["title"] == "Autos"


def test_what_is_missing_is_said_in_a_sentence(
    broker: Mosquitto, observer: Observer, capsys: Output
) -> None:
    assert run(broker.port) == 1
    place = f"127.0.0.1:{broker.port}"
    assert capsys.readouterr().err.startswith(f"No bmw2mqtt is running at the broker {place}.")
    announce(observer, PETROL.vin, is_online=False)
    assert run(broker.port) == 1
    assert "is running" in capsys.readouterr().err
    assert run(broker.port, homeassistant={"enabled": False}) == 1
    assert capsys.readouterr().err.startswith("homeassistant.enabled is false")
    port = free_port()
    assert run(port) == 1
    assert capsys.readouterr().err.startswith(f"127.0.0.1:{port}: ")


def test_a_daemon_without_a_car(broker: Mosquitto, observer: Observer, capsys: Output) -> None:
    announce(observer)
    assert run(broker.port) == 1
    output = capsys.readouterr()
    assert output.err.startswith("bmw2mqtt has no car yet.")
    assert output.out == ""
