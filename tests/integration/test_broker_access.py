"""Brokers that want a password, TLS or rights, and brokers with limits."""

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bmw2mqtt.backoff import Backoff
from bmw2mqtt.config import Mqtt
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.session import Session
from bmw2mqtt.simulator.mybmw import MyBmwSimulator
from tests.daemon import Daemon, settings_for
from tests.fixture_cars import fixture_car
from tests.mosquitto import Mosquitto, Observer, free_port, wait_until

pytestmark = pytest.mark.no_cover

VIN = "WBA00000000DEMO02"
STATUS = "bmw2mqtt/account/home/sensor/status"
USER = {"username": "bridge", "password": "p4ss word"}
OBSERVER = {"username": "observer", "password": "looks"}


@pytest.fixture
def cars() -> list[Any]:
    return [fixture_car(VIN)]


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    """Start a broker with these lines of configuration."""
    with ExitStack() as stack:
        yield lambda *config: stack.enter_context(Mosquitto(tmp_path, *config))


@pytest.fixture
def start(
    launch: Callable[..., Daemon], bmw: MyBmwSimulator, tmp_path: Path
) -> Callable[..., Daemon]:
    """Start a daemon at this port with these settings for MQTT."""
    return lambda port, **mqtt: launch(settings_for(bmw, port, tmp_path / "data", mqtt=mqtt))


def the_complaint(process: Daemon, event: str) -> dict[str, Any]:
    """Wait for an event, check that it is the only complaint, and return it."""
    process.wait_log(event)
    complaints = process.complaints()
    assert [complaint["event"] for complaint in complaints] == [event]
    return complaints[0]


def tries(process: Daemon, at_least: int) -> None:
    """Wait until it has tried to connect as often as this."""
    wait_until(lambda: sum(e["event"] == "mqtt_unreachable" for e in process.log()) >= at_least)


# Passwords and rights


@pytest.fixture
def passwords(tmp_path: Path) -> str:
    path = tmp_path / "passwords"
    path.touch(0o600)
    for login in (USER, OBSERVER):
        command = ["mosquitto_passwd", "-b", str(path), login["username"], login["password"]]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return f"password_file {path}"


def test_password(
    mosquitto: Callable[..., Mosquitto], passwords: str, start: Callable[..., Daemon]
) -> None:
    broker = mosquitto(passwords)
    process = start(broker.port, **USER)
    with Observer(broker.port, **OBSERVER) as observer:
        observer.wait_for(STATUS, "ok")
    assert process.complaints() == []


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_wrong_password(
    mosquitto: Callable[..., Mosquitto],
    passwords: str,
    start: Callable[..., Daemon],
    protocol: str,
) -> None:
    broker = mosquitto(passwords)
    process = start(broker.port, username="bridge", password="a-wrong-one", protocol=protocol)
    tries(process, 3)
    complaint = the_complaint(process, "mqtt_unreachable")
    assert complaint["reason"].endswith(": check mqtt.username and mqtt.password")
    assert "a-wrong-one" not in process.log_file.read_text()
    assert process.stop() == 0


def test_our_own_topics_are_rights_enough(
    mosquitto: Callable[..., Mosquitto],
    passwords: str,
    start: Callable[..., Daemon],
    tmp_path: Path,
) -> None:
    rights = tmp_path / "rights"
    rights.write_text(
        "user bridge\ntopic readwrite bmw2mqtt/#\ntopic readwrite homeassistant/device/+/config\n"
        "topic read homeassistant/status\nuser observer\ntopic readwrite #\n"
    )
    broker = mosquitto(passwords, f"acl_file {rights}")
    process = start(broker.port, **USER)
    with Observer(broker.port, **OBSERVER) as observer:
        observer.wait_for(STATUS, "ok")
        observer.wait_for(f"homeassistant/device/bmw2mqtt_{VIN}/config")
        observer.wait_for(f"bmw2mqtt/{VIN}/lock/lock", "LOCKED")
        observer.publish("bmw2mqtt/account/home/switch/polling/set", "OFF")
        observer.wait_for(STATUS, "paused")
    assert process.complaints() == []


def keys_told(process: Daemon) -> list[str]:
    """What accounts were told."""
    return [e["key"] for e in process.log("info") if e["event"] == "account_command_received"]


def test_the_access_list_we_ship(
    mosquitto: Callable[..., Mosquitto], start: Callable[..., Daemon], tmp_path: Path
) -> None:
    passwords = tmp_path / "passwords"
    passwords.touch(0o600)
    for name in ("bmw2mqtt", "dashboard", "family", "homeassistant"):
        command = ["mosquitto_passwd", "-b", str(passwords), name, name]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    rights = Path(__file__).parent.parent.parent / "docker" / "acl.conf"
    # With no limit on its queue Mosquitto 2.0.11 drops whoever publishes what it may not.
    broker = mosquitto(
        f"password_file {passwords}", f"acl_file {rights}", "max_queued_messages 1000"
    )
    process = start(broker.port, username="bmw2mqtt", password="bmw2mqtt")
    event, lock = f"bmw2mqtt/{VIN}/event/command", f"bmw2mqtt/{VIN}/lock/lock/set"
    people = [
        Observer(broker.port, *filters, username=name, password=name)
        for name, filters in (
            ("dashboard", ("bmw2mqtt/#", "answers/#")),
            ("family", ("bmw2mqtt/#", "answers/#")),
            ("homeassistant", ("bmw2mqtt/#", "homeassistant/#")),
        )
    ]
    with people[0] as dashboard, people[1] as family, people[2] as home:
        for person in (dashboard, family, home):
            person.wait_for(f"bmw2mqtt/{VIN}/lock/lock", "LOCKED")
            person.wait_for(STATUS, "ok")
        home.wait_for(f"homeassistant/device/bmw2mqtt_{VIN}/config")
        home.wait_for("bmw2mqtt/account/home/switch/polling", "ON")
        home.wait_for(f"{STATUS}/attributes")
        login = "bmw2mqtt/account/home/login/set"
        for person in (dashboard, family, home):
            person.publish(login, "P1_a-captchas-token")
        wait_until(lambda: keys_told(process) == ["login", "login"], what="two logins")
        dashboard.publish("bmw2mqtt/account/home/switch/polling/set", "OFF")
        family.publish("bmw2mqtt/account/home/button/refresh/press", "PRESS")
        home.publish("bmw2mqtt/account/home/switch/polling/set", "OFF")
        home.wait_for("bmw2mqtt/account/home/switch/polling", "OFF")
        dashboard.publish(lock, "no command")
        properties = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic = "answers/me"
        family.publish(lock, "neither", properties=properties)
        assert '"invalid_payload"' in family.wait_for("answers/me").text
        family.wait_for(event)
        family.quiet()
        assert len(family.on(event)) == 1, "the dashboard's did not reach the bridge"
        seen = {message.topic for message in dashboard.messages}
        assert not seen & {event, lock, "answers/me"}
        assert keys_told(process)[2:] == ["refresh", "polling"]
        for person in (dashboard, family, home):
            assert login not in {message.topic for message in person.messages}
    assert [complaint["event"] for complaint in process.complaints()] == ["command_finished"]


def test_topics_the_bridge_may_not_write_are_said_once(
    mosquitto: Callable[..., Mosquitto],
    passwords: str,
    start: Callable[..., Daemon],
    tmp_path: Path,
) -> None:
    rights = tmp_path / "rights"
    rights.write_text("user bridge\ntopic readwrite bmw2mqtt/#\nuser observer\ntopic readwrite #\n")
    broker = mosquitto(passwords, f"acl_file {rights}")
    process = start(broker.port, **USER)

    def refused() -> list[str]:
        return [e["topic"] for e in process.log("error") if e["event"] == "mqtt_publish_refused"]

    with Observer(broker.port, **OBSERVER) as observer:
        wait_until(lambda: len(refused()) == 2, what="the account and the car are refused")
        observer.wait_for("bmw2mqtt/bridge/availability", "online")
        observer.wait_for(f"bmw2mqtt/{VIN}/lock/lock", "LOCKED")
        observer.publish("bmw2mqtt/account/home/button/refresh/press", "PRESS")
        observer.wait_for(STATUS, "ok")
        observer.quiet()
        assert not [topic for topic in observer.current() if topic.startswith("homeassistant")]
    assert sorted(refused()) == [
        f"homeassistant/device/bmw2mqtt_{VIN}/config",
        "homeassistant/device/bmw2mqtt_account_home/config",
    ]
    assert "access list" in process.log("error")[0]["remedy"]


# TLS


class Authority:
    """A certificate authority, a broker with its certificate, a client's certificate."""

    def __init__(self, directory: Path) -> None:
        authority = trustme.CA()
        server = authority.issue_cert("127.0.0.1", "localhost")
        client = authority.issue_cert("bridge@example.com")
        self.ca_file = self._write(directory / "ca.pem", authority.cert_pem)
        self.server = self._write(directory / "server.pem", *server.cert_chain_pems)
        self.server_key = self._write(directory / "server.key", server.private_key_pem)
        self.client = self._write(directory / "client.pem", *client.cert_chain_pems)
        self.client_key = self._write(directory / "client.key", client.private_key_pem)
        self.port = free_port()

    @staticmethod
    def _write(path: Path, *blobs: trustme.Blob) -> str:
        path.write_bytes(b"".join(blob.bytes() for blob in blobs))
        return str(path)

    def listeners(self, plain_port: int, *more: str) -> tuple[str, ...]:
        """A TLS listener, and one without for the observer."""
        return (
            f"listener {plain_port} 127.0.0.1",
            f"listener {self.port} 127.0.0.1",
            f"cafile {self.ca_file}",
            f"certfile {self.server}",
            f"keyfile {self.server_key}",
            *more,
        )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_tls_with_an_own_authority_and_a_client_certificate(
    authority: Authority, tmp_path: Path, start: Callable[..., Daemon]
) -> None:
    plain = free_port()
    lines = authority.listeners(plain, "require_certificate true")
    with Mosquitto(tmp_path, *lines, port=plain), Observer(plain) as observer:
        tls = {
            "enabled": True,
            "ca_file": authority.ca_file,
            "cert_file": authority.client,
            "key_file": authority.client_key,
        }
        process = start(authority.port, tls=tls)
        observer.wait_for(STATUS, "ok")
        observer.wait_for(f"bmw2mqtt/{VIN}/lock/lock", "LOCKED")
        assert process.stop() == 0
        observer.wait_for("bmw2mqtt/bridge/availability", "offline")
        assert process.complaints() == []


def test_tls_with_a_wrong_authority(
    authority: Authority, tmp_path: Path, start: Callable[..., Daemon]
) -> None:
    plain = free_port()
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    with Mosquitto(tmp_path, *authority.listeners(plain), port=plain):
        process = start(authority.port, tls={"enabled": True, "ca_file": other.ca_file})
        tries(process, 3)
        complaint = the_complaint(process, "mqtt_unreachable")
        assert "certificate verify failed" in complaint["reason"]
        assert "mqtt.tls.ca_file" in complaint["reason"]
        assert process.stop() == 0


# Limits


async def test_never_more_in_flight_than_the_broker_takes(
    mosquitto: Callable[..., Mosquitto],
) -> None:
    broker = mosquitto("max_inflight_messages 3")
    publisher = Publisher()
    for number in range(300):
        publisher.retain(f"t/{number}", b"x" * 200)
    session = Session(
        Mqtt(host="127.0.0.1", port=broker.port),
        publisher,
        availability_topic="t/availability",
        filters=("t/+/set",),
        on_message=lambda _: None,
    )
    task = asyncio.create_task(session.run())
    await session.connected.wait()
    await publisher.drained()
    task.cancel()
    await asyncio.wait([task])
    assert publisher.statistics.published == 300
    assert publisher.statistics.most_in_flight == 3


def test_a_message_the_broker_does_not_take_is_left_out(
    mosquitto: Callable[..., Mosquitto], start: Callable[..., Daemon]
) -> None:
    broker = mosquitto("max_packet_size 30000")
    process = start(broker.port)
    with Observer(broker.port) as observer:
        observer.wait_for(STATUS, "ok")
        observer.wait_for(f"bmw2mqtt/{VIN}/lock/lock", "LOCKED")
        observer.wait_for(f"homeassistant/device/bmw2mqtt_{VIN}/config")
        complaint = the_complaint(process, "message_too_large")
        assert complaint["topic"] == f"bmw2mqtt/{VIN}/image/vehicle"
        assert complaint["broker_limit_bytes"] == 30000 < complaint["payload_bytes"]
        observer.quiet(0.3)
        assert complaint["topic"] not in observer.current()
        assert f"bmw2mqtt/{VIN}/state" in observer.current()


def test_a_broker_that_throws_the_bridge_out_is_not_hammered(
    mosquitto: Callable[..., Mosquitto], start: Callable[..., Daemon]
) -> None:
    broker = mosquitto("max_packet_size 500")  # MQTT 3.1.1 has no word for it
    process = start(broker.port, protocol="3.1.1")

    def connections() -> list[datetime]:
        events = [e for e in process.log() if e["event"] == "mqtt_connected"]
        return [datetime.fromisoformat(e["timestamp"]) for e in events]

    wait_until(lambda: len(connections()) >= 3)
    assert process.stop() == 0
    first, second, third = connections()[:3]
    assert second - first >= timedelta(seconds=0.5)
    assert third - second >= timedelta(seconds=1)


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
async def test_what_the_broker_hangs_up_on_is_left_out(
    mosquitto: Callable[..., Mosquitto], protocol: str, capsys: pytest.CaptureFixture[str]
) -> None:
    broker = mosquitto("max_packet_size 500")
    publisher = Publisher()
    publisher.retain("t/large", b"x" * 1000)
    for number in range(100):
        publisher.retain(f"t/{number}", b"1")
    session = Session(
        Mqtt(host="127.0.0.1", port=broker.port, protocol=protocol),
        publisher,
        availability_topic="t/availability",
        filters=("t/+/+/+/set", *(f"t/{'long' * 20}/{n}" for n in range(20))),
        on_message=lambda _: None,
    )
    session._unstable = Backoff(first_s=0.1, longest_s=0.1)  # it is thrown out some ten times
    task = asyncio.create_task(session.run())
    async with asyncio.timeout(60):
        await publisher.drained()
    session.stop()
    await task
    with Observer(broker.port) as observer:
        observer.quiet(0.3)
        assert observer.current().keys() >= {f"t/{number}" for number in range(100)}
        assert "t/large" not in observer.current()
    output = capsys.readouterr().out
    expected = "message_left_out" if protocol == "3.1.1" else "message_too_large"
    assert output.count(expected) == 1
    assert "payload_bytes=1000" in output


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
async def test_a_payload_the_broker_drops_holds_nothing_up(
    mosquitto: Callable[..., Mosquitto], protocol: str
) -> None:
    broker = mosquitto("message_size_limit 500")
    publisher = Publisher()
    publisher.retain("t/large", b"x" * 1000)
    publisher.retain("t/small", b"1")
    session = Session(
        Mqtt(host="127.0.0.1", port=broker.port, protocol=protocol),
        publisher,
        availability_topic="t/availability",
        filters=(),
        on_message=lambda _: None,
    )
    task = asyncio.create_task(session.run())
    async with asyncio.timeout(60):
        await publisher.drained()
    session.stop()
    await task
    with Observer(broker.port) as observer:
        observer.wait_for("t/small", "1")


@pytest.mark.parametrize("limit", ["retain_available false", "max_qos 0"])
def test_brokers_that_can_do_less_get_the_values(
    mosquitto: Callable[..., Mosquitto], start: Callable[..., Daemon], limit: str
) -> None:
    broker = mosquitto(limit)
    with Observer(broker.port) as observer:
        process = start(broker.port)
        observer.wait_for(STATUS, "ok")
        observer.wait_for(f"bmw2mqtt/{VIN}/lock/lock", "LOCKED")
        complaint = the_complaint(process, "broker_limit")
        assert limit.split(maxsplit=1)[0] in complaint["reason"]
        assert process.stop() == 0
        observer.wait_for("bmw2mqtt/bridge/availability", "offline")
