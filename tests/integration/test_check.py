"""`bmw2mqtt check --report` finds what the daemon would find, and ends whatever happens."""

import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from bmw2mqtt.cli import check as module
from bmw2mqtt.cli.main import main
from bmw2mqtt.simulator.mybmw import Fault, MyBmwSimulator
from tests.daemon import Daemon, settings_for
from tests.fixture_cars import fixture_car
from tests.mosquitto import Mosquitto, Observer, retained

CONNECT, PUBLISH, SUBSCRIBE = 1, 3, 8
ANSWERS = {CONNECT: 2, SUBSCRIBE: 9}
NAMES = {CONNECT: "connecting", SUBSCRIBE: "subscribing", PUBLISH: "publishing"}
STATUS = "bmw2mqtt/account/home/sensor/status"
Check = Callable[[dict[str, Any]], tuple[int, str, float]]


@pytest.fixture
def cars() -> list[Any]:
    return [fixture_car("WBA00000000DEMO02")]


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Check:
    """Run it; return the exit status, what it printed, and how many seconds it took."""

    def run(settings: dict[str, Any]) -> tuple[int, str, float]:
        (tmp_path / "check.yaml").write_text(yaml.safe_dump(settings))
        started = time.monotonic()
        status = main(["check", "--report", "--config", str(tmp_path / "check.yaml")])
        return status, capsys.readouterr().out, time.monotonic() - started

    return run


class OddBroker:
    """Speaks MQTT 3.1.1 up to a packet of one kind; then it hangs up, or says nothing more."""

    def __init__(self, last: int, *, hangs_up: bool) -> None:
        self.packets: list[tuple[int, bytes]] = []
        self._last, self._hangs_up = last, hangs_up
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for connection in (self._listener, *self._open):
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError, struct.error, IndexError), connection.makefile("rb") as stream:
            while True:
                kind = stream.read(1)[0] >> 4
                length = shift = 0
                while True:
                    byte = stream.read(1)[0]
                    length |= (byte & 127) << shift
                    shift += 7
                    if byte < 128:
                        break
                body = stream.read(length)
                self.packets.append((kind, body))
                if kind == self._last:
                    if self._hangs_up:
                        connection.close()
                        return
                elif kind == CONNECT:
                    connection.sendall(b"\x20\x02\x00\x00")
                elif kind == SUBSCRIBE:
                    filters = self._filters(body[2:])
                    granted = bytes([2 + filters]) + body[:2] + b"\x01" * filters
                    connection.sendall(b"\x90" + granted)

    @staticmethod
    def _filters(body: bytes) -> int:
        count = 0
        while body:
            (length,) = struct.unpack("!H", body[:2])
            body = body[3 + length :]
            count += 1
        return count


@pytest.fixture
def odd_broker() -> Iterator[Callable[..., OddBroker]]:
    started: list[OddBroker] = []

    def start(last: int, *, hangs_up: bool) -> OddBroker:
        started.append(OddBroker(last, hangs_up=hangs_up))
        return started[-1]

    yield start
    for broker in started:
        broker.close()


@pytest.mark.parametrize("hangs_up", [True, False])
@pytest.mark.parametrize("last", [CONNECT, SUBSCRIBE, PUBLISH], ids=NAMES.get)
def test_an_odd_broker(
    last: int,
    check: Check,
    odd_broker: Callable[..., OddBroker],
    bmw: MyBmwSimulator,
    tmp_path: Path,
    *,
    hangs_up: bool,
) -> None:
    broker = odd_broker(last, hangs_up=hangs_up)
    mqtt = {"protocol": "3.1.1"}
    status, text, took_s = check(settings_for(bmw, broker.port, tmp_path / "data", mqtt=mqtt))
    assert status == 2
    assert took_s < 30
    (line,) = [line for line in text.splitlines() if line.startswith("- ✘ broker: ")]
    assert line.startswith(f"- ✘ broker: 127.0.0.1:{broker.port} ")
    if last != CONNECT:
        assert NAMES[last] in line
    if last == PUBLISH:
        assert "publishing on bmw2mqtt/account/connection_check/sensor/status" in line
    assert "logged in, 1 car" in text, "the account is tried all the same"


def test_it_connects_as_the_daemon_does(
    check: Check, odd_broker: Callable[..., OddBroker], bmw: MyBmwSimulator, tmp_path: Path
) -> None:
    broker = odd_broker(PUBLISH, hangs_up=True)
    settings = settings_for(bmw, broker.port, tmp_path / "data", mqtt={"protocol": "3.1.1"})
    check(settings)
    *_, body = [body for kind, body in broker.packets if kind == CONNECT]
    flags, payload = body[7], body[10:]
    assert flags & 0b0010_0110 == 0b0010_0110, "a retained last will"
    assert flags & 0b0001_1000 == 0b0000_1000, "with QoS 1"
    fields = [b"bmw2mqtt", b"bmw2mqtt/bridge/availability", b"offline"]
    assert payload == b"".join(struct.pack("!H", len(field)) + field for field in fields)
    process = Daemon(tmp_path / "daemon", settings)
    with process:
        seen = len(broker.packets)
        process.wait_log("mqtt_unreachable")
    subscribed = [body[2:] for kind, body in broker.packets if kind == SUBSCRIBE]
    assert seen
    assert subscribed[-1] in subscribed[:-1], "and subscribes to the same"


@pytest.mark.parametrize("is_lock_seen", [True, False])
def test_a_running_daemon_is_not_disturbed(
    check: Check,
    daemon: Callable[..., Daemon],
    observer: Observer,
    broker: Mosquitto,
    bmw: MyBmwSimulator,
    tmp_path: Path,
    *,
    is_lock_seen: bool,
) -> None:
    process = daemon()
    observer.wait_for(STATUS, "ok")
    observer.wait_for("bmw2mqtt/WBA00000000DEMO02/sensor/energy_charged")
    observer.quiet(0.3)
    before = retained(broker.port)
    folder = "data" if is_lock_seen else "another"
    status, text, _ = check(settings_for(bmw, broker.port, tmp_path / folder))
    assert status == 0, text
    assert "bmw2mqtt is running: tried with another client ID and without a last will" in text
    assert retained(broker.port).keys() == before.keys()
    assert [m.text for m in observer.on("bmw2mqtt/bridge/availability")][-1] == "online"
    assert sum(e["event"] == "mqtt_connected" for e in process.log()) == 1


def test_what_may_be_written_but_not_read(
    check: Check, bmw: MyBmwSimulator, tmp_path: Path
) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic write bmw2mqtt/#\ntopic readwrite homeassistant/#\n")
    with Mosquitto(tmp_path, f"acl_file {acl}", "max_queued_messages 1000") as broker:
        status, text, _ = check(settings_for(bmw, broker.port, tmp_path / "data"))
    assert status == 2
    assert "  - a message on `bmw2mqtt/account/connection_check/sensor/status` did not come" in text
    assert text.count("did not come back") == 1


def test_bmw_does_not_answer(
    check: Check,
    broker: Mosquitto,
    bmw: MyBmwSimulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LIMIT_S", 6.0)
    bmw.faults.add(Fault(delay_s=60))
    status, text, took_s = check(settings_for(bmw, broker.port, tmp_path / "data"))
    assert status == 2
    assert took_s < 6 + 5
    assert "BMW did not answer in time" in text
    assert "- ✔ broker: connected" in text
    bmw.faults.clear()


def test_a_name_server_does_not_answer(bmw: MyBmwSimulator, tmp_path: Path) -> None:
    settings = settings_for(bmw, 1883, tmp_path / "data", mqtt={"host": "broker.invalid"})
    (tmp_path / "check.yaml").write_text(yaml.safe_dump(settings))
    program = """
import socket, sys, time
from bmw2mqtt.cli import check
from bmw2mqtt.cli.main import main
check.LIMIT_S = 12.0
look_up = socket.getaddrinfo
def getaddrinfo(host, *args, **options):
    if host == "broker.invalid":
        time.sleep(300)
    return look_up(host, *args, **options)
socket.getaddrinfo = getaddrinfo
sys.exit(main(sys.argv[1:]))
"""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program, "check", "--report", "--config", tmp_path / "check.yaml"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert time.monotonic() - started < 12 + 10
    assert done.returncode == 2
    assert "did not answer in time (connecting)" in done.stdout
    assert "logged in, 1 car" in done.stdout


@pytest.mark.parametrize("limit", ["retain_available false", "max_qos 0"])
def test_a_broker_with_which_the_daemon_copes(
    limit: str, check: Check, bmw: MyBmwSimulator, tmp_path: Path
) -> None:
    with Mosquitto(tmp_path, limit) as broker:
        status, text, _ = check(settings_for(bmw, broker.port, tmp_path / "data"))
    assert status == 0, text
    assert "published, read back and deleted a message" in text
