"""`bmw2mqtt demo`, as a person starts it."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import httpx
import paho.mqtt.client as paho
import psutil
import pytest

from bmw2mqtt.cli.main import main
from bmw2mqtt.demo import broker as demo_broker
from bmw2mqtt.demo.broker import DemoError, find_program
from bmw2mqtt.simulator.driving import ELECTRIC
from tests.mosquitto import Observer, free_port, wait_until

HIDE_MOSQUITTO = """
import shutil
which = shutil.which
shutil.which = lambda name, *args, **more: name != "mosquitto" and which(name, *args, **more)
"""


class Demo:
    """A running demo."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self._output = directory / "output"
        environment = {**os.environ, "TMPDIR": str(directory)}
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bmw2mqtt", "demo", *arguments],
                stdout=output,
                stderr=output,
                env=environment,
            )

    @property
    def text(self) -> str:
        return self._output.read_text()

    def port(self) -> int:
        """Wait for the welcome and read the port in it."""
        found: re.Match[str] = wait_until(
            lambda: re.search(r"MQTT broker at 127\.0\.0\.1:(\d+)", self.text), what="welcome"
        )
        return int(found[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                child.kill()
            self.process.kill()
        self.process.wait()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def stop_and_look(demo: Demo, directory: Path) -> None:
    """Stop a demo as Ctrl-C does; nothing may be left."""
    children = psutil.Process(demo.process.pid).children(recursive=True)
    assert children, "the broker"
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(10) == 0
    assert not any(child.is_running() for child in children)
    assert [path.name for path in directory.iterdir()] == ["output"]
    assert "Traceback" not in demo.text


def cars_appear(observer: Observer) -> None:
    """Wait for the cars of both accounts, each with discovery and a picture."""

    def shown() -> bool:
        topics = tuple(observer.current())
        return all(
            sum(re.fullmatch(pattern, topic) is not None for topic in topics) == 5
            for pattern in (
                "homeassistant/device/bmw2mqtt_[A-Z0-9]{17}/config",
                "bmw2mqtt/[A-Z0-9]{17}/state",
                "bmw2mqtt/[A-Z0-9]{17}/image/vehicle",
            )
        )

    wait_until(shown, timeout_s=40, what="five cars")
    observer.wait_for("bmw2mqtt/bridge/availability", "online")


def test_demo_with_mosquitto_and_a_busy_port(stack: ExitStack, tmp_path: Path) -> None:
    busy = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    wanted = busy.getsockname()[1]
    demo = stack.enter_context(Demo(tmp_path, "--port", str(wanted)))
    port = demo.port()
    assert port > wanted
    assert f"(Port {wanted} is in use.)" in demo.text
    with Observer(port) as observer:
        cars_appear(observer)
        page = re.search(r"Page: +(http://127\.0\.0\.1:\d+/)", demo.text)
        assert page is not None
        state = httpx.get(f"{page[1]}api/state", trust_env=False).json()
        assert len(state["cars"]) == 5
        charges = f"{page[1]}cars/{ELECTRIC.vin}/history/charges.csv"
        past = httpx.get(charges, trust_env=False).text
        assert past.count(",dc,") == 2, "on two Saturdays, on the way home from the lake"
        assert ",home," in past
        observer.wait_for(f"bmw2mqtt/{ELECTRIC.vin}/sensor/energy_charged")
        stop_and_look(demo, tmp_path)


def test_demo_with_nats(stack: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide = tmp_path.parent / f"{tmp_path.name}-hide"
    hide.mkdir()
    (hide / "sitecustomize.py").write_text(HIDE_MOSQUITTO)
    monkeypatch.setenv("PYTHONPATH", str(hide))
    demo = stack.enter_context(Demo(tmp_path, "--port", str(free_port())))
    port = demo.port()
    assert "(NATS)" in demo.text
    with Observer(port, "bmw2mqtt/#", "homeassistant/#", protocol=paho.MQTTv311) as observer:
        cars_appear(observer)
        stop_and_look(demo, tmp_path)


def test_no_broker(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(demo_broker.shutil, "which", lambda *_, **__: None)
    with pytest.raises(DemoError, match="install mosquitto"):
        find_program()
    assert main(["demo"]) == 1
    assert "install mosquitto" in capsys.readouterr().err


def test_an_address_that_is_not_this_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--bind", "192.0.2.1", "--port", str(free_port())]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "192.0.2.1" in line


@pytest.mark.parametrize("port", ["-1", "0", "65536", "70000"])
def test_a_port_that_is_none(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--port", port]) == 1
    assert (
        capsys.readouterr().err
        == f"{port} is not a valid port; use --port with a number from 1 to 65535\n"
    )


def test_ports_end_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        monkeypatch.setattr(demo_broker, "PORTS_TO_TRY", 1)
        with pytest.raises(DemoError, match="no free port"):
            demo_broker.free_port("127.0.0.1", busy.getsockname()[1])
