"""Commands that come late never reach BMW: the process, the broker or the network stood still."""

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from bimmer_connected.tests import VIN_I20
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.commanding import BASE, LIMIT_S, CommandedDaemon, rig
from tests.mosquitto import Observer, wait_until

pytestmark = pytest.mark.no_cover

SHORT_S, STANDSTILL_S = 5.0, 12.5
"""Below and above the ten seconds after which nobody knows how old a message is."""
SENT = [
    ("lock/lock/set", "UNLOCK", 1),
    ("button/sound_horn/press", "PRESS", 0),
    ("notify/poi/set", "48.1,11.5", 1),
]


class Network:
    """A TCP connection to the broker that can be held up or cut, with nobody told."""

    def __init__(self) -> None:
        self.target = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._flows = threading.Event()
        self._flows.set()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self) -> None:
        """Keep what is sent from now on, in both directions."""
        self._flows.clear()

    def resume(self) -> None:
        """Deliver what was kept."""
        self._flows.set()

    def cut(self) -> None:
        """End every connection; what was kept is lost."""
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._open.clear()
        self._flows.set()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
                self._open += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while content := source.recv(65_536):
                self._flows.wait()
                sink.sendall(content)
        for connection in (source, sink):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def through(network: Network, directory: Path, **mqtt: Any) -> Iterator[CommandedDaemon]:
    def aim(observer: Observer) -> None:
        network.target = observer._port

    try:
        with rig(directory, VIN_I20, before=aim, mqtt={"port": network.port, **mqtt}) as drive:
            yield drive
    finally:
        network.close()


def publish(drive: CommandedDaemon) -> None:
    """Send each command with its QoS, not waiting for an acknowledgement."""
    for path, payload, qos in SENT:
        drive.observer._client.publish(f"{BASE}/{VIN_I20}/{path}", payload, qos=qos)


def reasons(drive: CommandedDaemon, count: int) -> list[tuple[str, str | None]]:
    return [(e["event_type"], e["reason"]) for e in drive.wait_events(VIN_I20, count)]


def assert_refused(drive: CommandedDaemon) -> None:
    """Nothing came to BMW, everything was answered, and a new command works, once pings say so."""
    assert reasons(drive, len(SENT)) == [("rejected", "expired")] * len(SENT)
    assert drive.triggers() == []
    wait_until(
        lambda: drive.command(VIN_I20, "lock/lock/set", "UNLOCK")["event_type"] == "executed"
    )
    assert len(drive.triggers()) == 1


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_the_process_stood_still(protocol: str, tmp_path: Path) -> None:
    with rig(tmp_path, VIN_I20, mqtt={"protocol": protocol}) as drive:
        drive.process.signal(signal.SIGSTOP)
        publish(drive)
        time.sleep(STANDSTILL_S)
        drive.process.signal(signal.SIGCONT)
        assert_refused(drive)


def test_a_short_pause_is_no_standstill(tmp_path: Path) -> None:
    with rig(tmp_path, VIN_I20) as drive:
        drive.process.signal(signal.SIGSTOP)
        publish(drive)
        time.sleep(SHORT_S)
        drive.process.signal(signal.SIGCONT)
        assert reasons(drive, len(SENT)) == [("executed", None)] * len(SENT)


def test_the_broker_stood_still(tmp_path: Path) -> None:
    with rig(tmp_path, VIN_I20) as drive:
        broker: Any = drive.broker
        broker._process.send_signal(signal.SIGSTOP)
        publish(drive)
        time.sleep(STANDSTILL_S)
        broker._process.send_signal(signal.SIGCONT)
        assert_refused(drive)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_the_network_stood_still(protocol: str, tmp_path: Path) -> None:
    network = Network()
    with through(network, tmp_path, protocol=protocol) as drive:
        network.hold()
        publish(drive)
        time.sleep(STANDSTILL_S)
        network.resume()
        assert_refused(drive)


def test_the_connection_is_lost_while_the_process_stands_still(tmp_path: Path) -> None:
    """The broker still has unacknowledged commands; a new connection does not bring them again."""
    network = Network()
    with through(network, tmp_path) as drive:
        drive.process.signal(signal.SIGSTOP)
        publish(drive)
        time.sleep(STANDSTILL_S)
        network.cut()
        drive.process.signal(signal.SIGCONT)
        wait_until(
            lambda: sum(e["event"] == "mqtt_connected" for e in drive.process.log()) >= 2,
            LIMIT_S,
            "connected again",
        )

        def is_answered() -> bool:
            drive.send(VIN_I20, "none/fence/set")  # again: it may not be subscribed yet
            time.sleep(0.2)
            return any(e["entity"] == "none/fence" for e in drive.events(VIN_I20))

        wait_until(is_answered, LIMIT_S, "all that came before is answered")
        assert {e["event_type"] for e in drive.events(VIN_I20)} == {"rejected"}
        assert drive.triggers() == []


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_session_that_an_earlier_client_left_is_not_taken_up(
    protocol: str, tmp_path: Path
) -> None:
    def leave_a_session(observer: Observer) -> None:
        is_5 = protocol == "5"
        properties = None
        if is_5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 3600
        earlier = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=BASE,
            protocol=paho.MQTTv5 if is_5 else paho.MQTTv311,
            clean_session=None if is_5 else False,
        )
        subscribed = threading.Event()
        earlier.on_subscribe = lambda *_: subscribed.set()
        options = {"clean_start": False, "properties": properties} if is_5 else {}
        earlier.connect("127.0.0.1", observer._port, **options)
        earlier.loop_start()
        earlier.subscribe(f"{BASE}/#", 1)
        assert subscribed.wait(LIMIT_S)
        earlier.disconnect()
        earlier.loop_stop()
        for path, payload, _ in SENT:
            observer.publish(f"{BASE}/{VIN_I20}/{path}", payload)

    with rig(tmp_path, VIN_I20, before=leave_a_session, mqtt={"protocol": protocol}) as drive:
        drive.command(VIN_I20, "none/fence/set")
        assert len(drive.events(VIN_I20)) == 1
        assert drive.triggers() == []
