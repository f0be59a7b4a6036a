"""`bmw2mqtt demo`, as a person starts it."""

import fcntl
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx
import paho.mqtt.client as paho
import psutil
import pytest

from bmw2mqtt.cli.main import main
from bmw2mqtt.demo import broker as demo_broker
from bmw2mqtt.demo import welcome
from bmw2mqtt.demo.broker import DemoError, find_program
from bmw2mqtt.demo.run import _print as print_for_a_person
from bmw2mqtt.demo.run import capacities
from bmw2mqtt.simulator.driving import ELECTRIC, PLUGIN_HYBRID
from bmw2mqtt.simulator.mybmw import demo_cars
from bmw2mqtt.web.setup.start_link import PLACEHOLDER
from tests.forked_process import ForkedPopen
from tests.mosquitto import Observer, free_port, retained, wait_until

SENTENCE = re.compile(r"[\d-]{10} [\d:]{8} \[\w+ *\] (bmw2mqtt|[A-Z]).*[.!?…]( \w+=.*)?$")
HIDE_MOSQUITTO = """
import shutil
which = shutil.which
shutil.which = lambda name, *args, **more: name != "mosquitto" and which(name, *args, **more)
"""


class Demo:
    """A running demo."""

    def __init__(self, directory: Path, *arguments: str, start: Any = subprocess.Popen) -> None:
        self._output = directory / "output"
        environment = {**os.environ, "TMPDIR": str(directory)}
        command = [sys.executable, "-m", "bmw2mqtt", "demo", *arguments]
        with self._output.open("w") as output:
            self.process = start(command, stdout=output, stderr=output, env=environment)

    @property
    def text(self) -> str:
        return self._output.read_text()

    def port(self) -> int:
        """Wait for the welcome and read the port in it."""
        wait_until(lambda: "Ctrl-C" in self.text, what="welcome")
        return port_in(self.text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                child.kill()
            self.process.kill()
        self.process.wait()


def port_in(welcome: str) -> int:
    """Return the port of the broker."""
    found = re.search(r"MQTT broker at 127\.0\.0\.1:(\d+)", welcome)
    assert found, welcome
    return int(found[1])


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def stop_and_look(demo: Demo, directory: Path) -> None:
    """Stop a demo as Ctrl-C does; nothing may be left."""
    children = psutil.Process(demo.process.pid).children(recursive=True)
    assert children, "the broker"
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(30) == 0
    assert not any(child.is_running() for child in children)
    assert [path.name for path in directory.iterdir()] == ["output"]
    assert "Traceback" not in demo.text


def cars_appear(current: Callable[[], Mapping[str, bytes]]) -> None:
    """Wait for the cars of both accounts, each with discovery and a picture."""

    def shown() -> bool:
        topics = current()
        return topics.get("bmw2mqtt/bridge/availability") == b"online" and all(
            sum(re.fullmatch(pattern, topic) is not None for topic in topics) == 5
            for pattern in (
                "homeassistant/device/bmw2mqtt_[A-Z0-9]{17}/config",
                "bmw2mqtt/[A-Z0-9]{17}/state",
                "bmw2mqtt/[A-Z0-9]{17}/image/vehicle",
            )
        )

    wait_until(shown, timeout_s=60, what="five cars")


def test_the_energy_of_each_polled_car_with_a_plug_is_known() -> None:
    """The account of these cars does not report the capacity, and not every model's is known."""
    assert capacities(demo_cars()) == {
        ELECTRIC.vin: {"battery_capacity_kwh": 80.7},
        PLUGIN_HYBRID.vin: {"battery_capacity_kwh": 14.2},
    }


def children_of(pid: int) -> list[psutil.Process]:
    children = psutil.Process(pid).children(recursive=True)
    assert any("mosquitto" in child.name() for child in children)
    return children


def are_gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=0)[1]


@pytest.mark.no_cover  # what is killed writes nothing of it
def test_demo_for_the_whole_network_and_its_waiting_login(stack: ExitStack, tmp_path: Path) -> None:
    """Also: a demo that is killed leaves no broker behind."""
    ports = [free_port(), free_port()]
    everywhere = "0.0.0.0"  # noqa: S104 - simulated cars only
    ways = ("--bind", everywhere, "--port", str(ports[0]), "--page-port", str(ports[1]))
    demo = stack.enter_context(Demo(tmp_path, *ways, start=ForkedPopen))
    assert demo.port() == ports[0]
    page = re.search(r"Page: +(http://\S+:(\d+)/)  \(access token: (\S+)\)", demo.text)
    assert page is not None
    assert int(page[2]) == ports[1]
    root = page[1].replace(PLACEHOLDER, "127.0.0.1")  # where tests run in a container
    url = f"{root}api/state"
    wait_until(lambda: "to see your cars" in demo.text, what="page")
    assert httpx.get(url, trust_env=False).status_code == 401
    bearer = {"Authorization": f"Bearer {page[3]}"}
    visitor = stack.enter_context(httpx.Client(headers=bearer, trust_env=False))

    def waiting() -> dict[str, Any]:
        state = visitor.get(url).json()
        found: dict[str, Any] = next(a for a in state["accounts"] if a["name"] == "demo_login")
        return found

    wait_until(lambda: waiting()["user_code"], timeout_s=20, what="code of the waiting login")
    account = waiting()
    assert account["status"] == "login_required"
    confirm = {"user_code": account["user_code"], "answer": "approve"}
    answer = httpx.post(account["login_url"], data=confirm, verify=False, trust_env=False)  # noqa: S501 - simulated
    assert answer.status_code == 200
    wait_until(lambda: waiting()["status"] == "ok", timeout_s=40, what="login")
    children = children_of(demo.process.pid)
    demo.process.kill()
    demo.process.wait()
    wait_until(lambda: are_gone(children), what="end of the broker")
    shown = demo.text.partition("Ctrl-C\n")[2].strip().splitlines()
    assert shown
    assert not [line for line in shown if not SENTENCE.match(line)]


def test_a_text_that_cannot_be_written_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        print_for_a_person("a text for a terminal that was just closed")
        full.flush()


def _begin_at_terminal() -> None:
    """Own the terminal, and end with it, also where the tests run under nohup."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.no_cover
def test_a_demo_at_a_terminal_until_it_is_closed(stack: ExitStack, tmp_path: Path) -> None:
    """Also: the port is busy; what cars and page show; the broker ends with the demo."""
    busy = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    wanted = busy.getsockname()[1]
    master, terminal = pty.openpty()
    arguments = [sys.executable, "-m", "bmw2mqtt", "demo", "--port", str(wanted)]
    arguments += ["--page-port", str(free_port())]
    process = subprocess.Popen(
        ["/bin/sh", "-c", 'exec "$@" </dev/tty >/dev/tty 2>&1', "sh", *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        start_new_session=True,
        preexec_fn=_begin_at_terminal,  # noqa: PLW1509 - no threads
    )
    stack.callback(process.kill)
    os.close(terminal)
    shown = ""
    while "Ctrl-C" not in shown:
        shown += os.read(master, 4096).decode()
    port = port_in(shown)
    assert port > wanted
    assert f"(Port {wanted} is in use.)" in shown
    window = stack.enter_context(  # reads on: a terminal has little room for what nobody reads
        subprocess.Popen(["/bin/cat"], stdin=master, stdout=subprocess.DEVNULL)
    )
    stack.callback(window.kill)
    os.close(master)
    with Observer(port) as observer:
        cars_appear(observer.current)
        see_page_and_past(shown)
        observer.wait_for(f"bmw2mqtt/{ELECTRIC.vin}/sensor/energy_charged")
    children = children_of(process.pid)
    window.kill()
    assert process.wait(30) == 0
    assert are_gone(children)
    assert not list(tmp_path.glob("bmw2mqtt-demo-*"))


def see_page_and_past(welcome: str) -> None:
    """Look at the page at the address in the welcome."""
    page = re.search(r"Page: +(http://127\.0\.0\.1:\d+/)", welcome)
    assert page is not None
    state = httpx.get(f"{page[1]}api/state", trust_env=False).json()
    assert len(state["cars"]) == 5
    charges = f"{page[1]}cars/{ELECTRIC.vin}/history/charges.csv"
    past = httpx.get(charges, trust_env=False).text
    assert past.count(",dc,") == 2, "on two Saturdays, on the way home from the lake"
    assert ",home," in past


def test_demo_with_nats(stack: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide = tmp_path.parent / f"{tmp_path.name}-hide"
    hide.mkdir()
    (hide / "sitecustomize.py").write_text(HIDE_MOSQUITTO)
    monkeypatch.setenv("PYTHONPATH", str(hide))
    demo = stack.enter_context(Demo(tmp_path, "--port", str(free_port())))
    port = demo.port()
    assert "(NATS)" in demo.text
    filters = ("bmw2mqtt/#", "homeassistant/#")
    # While somebody publishes, NATS loses messages to a new subscriber: subscribe again.
    cars_appear(lambda: retained(port, *filters, protocol=paho.MQTTv311))
    stop_and_look(demo, tmp_path)


def test_no_broker(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(demo_broker.shutil, "which", lambda *_, **__: None)
    with pytest.raises(DemoError, match="install mosquitto"):
        find_program()
    assert main(["demo"]) == 1
    assert "install mosquitto" in capsys.readouterr().err


def test_without_its_packages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "bmw2mqtt.demo.run", None)
    assert main(["demo"]) == 1
    text = capsys.readouterr().err
    assert "pip install 'bmw2mqtt[demo]' (in a clone: pip install '.[demo]')" in text


def test_a_container_does_not_know_its_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own address, in a network of Docker's, is of no use on another machine."""
    monkeypatch.setattr(welcome, "is_container", lambda: True)
    assert welcome.shown_host("0.0.0.0") == PLACEHOLDER  # noqa: S104 - not listened on
    assert welcome.shown_host("127.0.0.1") == "127.0.0.1"


def test_an_address_that_is_not_this_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--bind", "192.0.2.1", "--port", str(free_port())]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "192.0.2.1" in line


@pytest.mark.parametrize("port", ["-1", "0", "65536", "x"])
def test_a_port_that_is_none(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["demo", f"--port={port}"])
    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith(
        f"argument --port: {port} is not a valid port; use a number from 1 to 65535\n"
    )


def test_ports_end_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        monkeypatch.setattr(demo_broker, "PORTS_TO_TRY", 1)
        with pytest.raises(DemoError, match="no free port"):
            demo_broker.free_port("127.0.0.1", busy.getsockname()[1])
