"""`bmw2mqtt check --report`: a report that a person can paste into an issue."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
import yaml

from bmw2mqtt import __version__
from bmw2mqtt.cli.main import main
from bmw2mqtt.config import Settings
from bmw2mqtt.mqtt.tools.broker_check import BrokerReport
from bmw2mqtt.simulator.mybmw import MyBmwSimulator
from bmw2mqtt.support_report import AccountReport, report
from tests.daemon import Daemon, settings_for
from tests.fixture_cars import fixture_car
from tests.mosquitto import Mosquitto, Observer, free_port

HOME = {"backend": "mybmw", "username": "me@example.com", "password": "s3cret"}
VIN = "WBA00000000DEMO02"
Output = pytest.CaptureFixture[str]
Check = Callable[[dict[str, Any]], tuple[int, str]]


@pytest.fixture
def cars() -> list[Any]:
    return [fixture_car(VIN)]


@pytest.fixture
def check(tmp_path: Path, capsys: Output) -> Check:
    """Run `check --report`; return the exit status and what it printed."""

    def run(settings: dict[str, Any]) -> tuple[int, str]:
        (tmp_path / "check.yaml").write_text(yaml.safe_dump(settings))
        status = main(["check", "--report", "--config", str(tmp_path / "check.yaml")])
        return status, capsys.readouterr().out

    return run


def test_all_is_well(check: Check, broker: Mosquitto, bmw: MyBmwSimulator, tmp_path: Path) -> None:
    with Observer(broker.port) as observer:
        status, text = check(settings_for(bmw, broker.port, tmp_path / "data"))
        assert not observer.current(), "nothing stays on the broker"
    assert status == 0
    assert f"- bmw2mqtt {__version__}, Python 3." in text
    assert re.search(r"- libraries: .*aiohttp 3\..*, oauthlib 4\.", text)
    assert re.search(r"- libraries: aiomqtt 2\..*, bimmer_connected 0\.", text)
    assert "- ✔ broker: connected, MQTT 5, no TLS, mosquitto version 2." in text
    assert re.search(r"  - limits: .*\d+ topic aliases", text)
    assert "published, read back and deleted a message in each part of the topic tree" in text
    assert "- ✔ account home (mybmw, rest_of_world): logged in, 1 car" in text
    assert "  - mqtt.port: " in text
    assert "  - accounts.home.captcha_token: (set)" in text
    assert "  - log.level: debug" in text
    assert "accounts.home.password" not in text, "what everybody has to set is not worth a line"


def test_broker_and_bmw_refuse(check: Check, bmw: MyBmwSimulator, tmp_path: Path) -> None:
    settings = settings_for(bmw, free_port(), tmp_path / "data", account={"password": "wrong"})
    status, text = check(settings)
    assert status == 2
    assert re.search(
        r"- ✘ broker: 127.0.0.1:\d+ cannot be used: connection refused: check that the", text
    )
    assert ": BMW refuses the login: check username and password" in text


def test_nothing_private_is_told(
    check: Check, broker: Mosquitto, bmw: MyBmwSimulator, tmp_path: Path
) -> None:
    place = {"latitude": 48.17683, "longitude": 11.55959}
    settings = settings_for(
        bmw,
        broker.port,
        tmp_path / "data",
        account={"location": place},
        mqtt={"username": "my-bridge", "password": "broker-secret", "client_id": "smith-house"},
        http={"token": "page-token-0123456789"},
        vehicles={VIN: {"name": "Grandma's"}},
    )
    status, text = check(settings)
    assert status == 0
    secrets = [settings["accounts"]["home"][key] for key in ("username", "password")]
    secrets += ["my-bridge", "broker-secret", "smith-house", "page-token", "Grandma", VIN]
    secrets += ["48.17", "11.55", str(tmp_path), *VIN[3:13].split("DEMO")]
    assert not [secret for secret in secrets if secret in text]
    assert "  - vehicles.WBA…MO02.name: (set)" in text
    assert "  - accounts.home.location: (set)" in text


def test_names_of_hosts_are_left_out(check: Check, bmw: MyBmwSimulator, tmp_path: Path) -> None:
    settings = settings_for(bmw, 1883, tmp_path / "data", mqtt={"host": "mqtt.smith.invalid"})
    status, text = check(settings)
    assert status == 2
    assert "smith" not in text
    assert "- ✘ broker: (hidden):1883 cannot be used: its name cannot be resolved" in text


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("192.168.1.7", 2),
        ("fd00::7", 2),
        ("mosquitto-at-home", 2),
        ("93.184.215.14", 0),
        ("2606:2800:21f:cb07::1", 0),
        ("Broker.smith.example", 0),
        ("100.64.3.2", 0),
    ],
)
def test_where_the_broker_is_found_from_anywhere_is_left_out(host: str, shown: int) -> None:
    settings = Settings(mqtt={"host": host}, accounts={"home": HOME})
    said = f"{host}:1883 cannot be used: Connect call failed ('{host}', 1883)"
    text = report(settings, BrokerReport(problem=said), [])
    assert text.lower().count(host.lower()) == shown
    assert ("- ✘ broker: (hidden):1883 cannot be used" in text) == (not shown)


def test_other_hosts_are_left_out_unless_they_are_bmws() -> None:
    eu = {"backend": "cardata", "client_id": "0a0a0a0a-0000-0000-0000-00000000000b"}
    ours = {
        "auth_url": "https://login.smith.example:8443/bmw",
        "stream_host": "93.184.215.15",
    }
    settings = Settings(
        accounts={"home": HOME | {"server": "proxy.smith.example:443"}, "eu": eu | ours}
    )
    bmws = "https://api-cardata.bmwgroup.com and 127.0.0.1:8883"
    said = f"no answer from Proxy.smith.example:443, {ours['auth_url']}, 93.184.215.15, {bmws}"
    accounts = [AccountReport(name, said, is_well=False) for name in ("home", "eu")]
    text = report(settings, BrokerReport(problem="93.184.215.16:1 of mosquitto 2.0.11"), accounts)
    assert "smith" not in text
    assert "93.184" not in text
    assert text.count(bmws) == 2
    assert "mosquitto 2.0.11" in text


def test_beside_a_running_daemon(
    check: Check,
    daemon: Callable[..., Daemon],
    broker: Mosquitto,
    observer: Observer,
    bmw: MyBmwSimulator,
    tmp_path: Path,
    capsys: Output,
) -> None:
    process = daemon()
    observer.wait_for("bmw2mqtt/account/home/sensor/status", "ok")
    requests = len(bmw.requests)
    settings = settings_for(bmw, broker.port, tmp_path / "data")
    status, text = check(settings)
    assert status == 0
    assert "- ✔ account home (mybmw, rest_of_world): the running daemon reports ok" in text
    assert len(bmw.requests) == requests, "BMW is not asked"
    added = settings | {"accounts": settings["accounts"] | {"second": HOME}}
    for of in (added | {"data_dir": str(tmp_path / "another")}, added):
        status, text = check(of)
        assert status == 2
        assert "- ✔ account home (mybmw, rest_of_world): the running daemon reports ok" in text
        assert (
            "- ✘ account second (mybmw, rest_of_world): the running bmw2mqtt does not have this"
            " account → restart bmw2mqtt with this configuration" in text
        )
    assert main(["login", "second", "--config", str(tmp_path / "check.yaml")]) == 1
    assert capsys.readouterr().err == (
        "the running bmw2mqtt does not have the account second; restart it with this"
        " configuration\n"
    )
    observer.publish("bmw2mqtt/account/home/sensor/status", "blocked", retain=True)
    observer.publish(
        "bmw2mqtt/account/home/sensor/status/attributes", '{"message": "Use CarData."}', retain=True
    )
    status, text = check(settings)
    assert status == 2
    assert "the running daemon reports blocked: Use CarData." in text
    assert process.stop() == 0


def test_a_running_daemon_whose_topics_are_elsewhere(
    check: Check, daemon: Callable[..., Daemon]
) -> None:
    process = daemon()
    process.wait_log("mqtt_connected")
    settings = yaml.safe_load(process.config.read_text())
    settings["mqtt"]["base_topic"] = "elsewhere"
    status, text = check(settings)
    assert status == 0
    assert "but its status topic cannot be read" in text


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_topics_the_bridge_may_not_write(
    protocol: str, check: Check, bmw: MyBmwSimulator, tmp_path: Path
) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite bmw2mqtt/#\n")
    # With no limit on its queue Mosquitto 2.0.11 drops whoever publishes what it may not.
    with Mosquitto(tmp_path, f"acl_file {acl}", "max_queued_messages 1000") as broker:
        mqtt = {"protocol": protocol}
        status, text = check(settings_for(bmw, broker.port, tmp_path / "data", mqtt=mqtt))
        if protocol == "5":
            assert status == 2
            refused = "homeassistant/device/bmw2mqtt_account_connection_check/config"
            assert f"no permission to publish to `{refused}`" in text
            assert "`bmw2mqtt/account/" not in text
            settings = settings_for(bmw, broker.port, tmp_path / "data")
            assert check(settings | {"homeassistant": {"enabled": False}})[0] == 0
        else:
            assert status == 2
            assert "bmw2mqtt_account_connection_check/config` did not come back" in text
            assert "limits: not reported with MQTT 3.1.1" in text


def test_a_relay_that_may_not_be_written(check: Check, bmw: MyBmwSimulator, tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite bmw2mqtt/#\ntopic readwrite homeassistant/#\n")
    with Mosquitto(tmp_path, f"acl_file {acl}", "max_queued_messages 1000") as broker:
        settings = settings_for(bmw, broker.port, tmp_path / "data")
        settings["accounts"]["eu"] = {
            "backend": "cardata",
            "client_id": "0a0a0a0a-0000-0000-0000-00000000000b",
            "relay_prefix": "cars/",
        }
        status, text = check(settings)
    assert status == 2
    assert text.count("no permission to publish to") == 1
    assert "- ✘ broker: connected" in text
    assert re.search(r"- ✘ account eu \(cardata\): .* → run bmw2mqtt login eu", text)
    assert "no permission to publish to `cars/check`: allow it in the broker's access list" in text


def test_what_is_retained_under_our_names_cannot_break_it(
    check: Check, broker: Mosquitto, bmw: MyBmwSimulator, tmp_path: Path
) -> None:
    with Observer(broker.port, protocol=paho.MQTTv5) as observer:
        for suffix, payload in (("", b"\xff\xfe"), ("/attributes", b"[1]")):
            topic = f"bmw2mqtt/account/home/sensor/status{suffix}"
            observer.publish(topic, payload, retain=True)
    assert check(settings_for(bmw, broker.port, tmp_path / "data"))[0] == 0
