"""Processes to measure, and what they cost."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import psutil
import yaml

from benchmarks.figures import wait_until
from bmw2mqtt.simulator.ports import reserve_port

PYTHON = sys.executable
AS_INSTALLED = Path(__file__).with_name("as_installed")
"""Hides libraries that an installation does not have: they cost memory and time."""
CONSOLE_SCRIPT = str(Path(sys.executable).with_name("bmw2mqtt"))
STOP_S = 10
USERNAME, PASSWORD = "me@example.com", "a-password-42"


def free_port() -> int:
    """Return a port nobody uses, and nobody else gets meanwhile."""
    return reserve_port(free_port)


def cpu_s(pid: int) -> float:
    """Return the CPU time of a whole process to the nanosecond (Linux: its CPU clock's number)."""
    return time.clock_gettime((~pid << 3) | 2)


def rss_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    return psutil.Process(pid).memory_info().rss / 2**20


class Process:
    """A process; its standard error is kept in a file for when something goes wrong."""

    starts: Callable[..., subprocess.Popen[str]] = subprocess.Popen
    """The tests have a faster one, which takes the same and returns the same."""

    def __init__(self, directory: Path, *arguments: str, **options: Any) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("BMW2MQTT_")}
        environment["PYTHONPATH"] = str(AS_INSTALLED)
        environment["PYTHONFAULTHANDLER"] = "1"  # see `stop`
        environment["TMPDIR"] = str(directory)  # a process that is killed removes nothing itself
        self._errors = directory / "stderr.log"
        with (directory / "stderr.log").open("ab") as errors:
            self.popen = type(self).starts(
                arguments, stderr=errors, env=environment, text=True, **options
            )

    @property
    def pid(self) -> int:
        """Its number."""
        return self.popen.pid

    def stop(self) -> None:
        """Stop it as Docker does; if it does not stop, say where it stands."""
        self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(STOP_S)
        except subprocess.TimeoutExpired as error:
            self.popen.send_signal(signal.SIGABRT)
            self.popen.wait()
            raise RuntimeError(self._errors.read_text()[-5000:]) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self.popen:  # closes the pipes
            if self.popen.poll() is None:
                self.popen.kill()


class Child(Process):
    """A module of ours as a process that answers requests (`benchmarks.child`)."""

    def __init__(self, directory: Path, module: str, *arguments: object) -> None:
        command = (PYTHON, "-m", f"benchmarks.{module}", *map(str, arguments))
        super().__init__(directory, *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.hello = self._read()

    def ask(self, what: str, **details: Any) -> dict[str, Any]:
        """Tell it to do something; return its answer."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(json.dumps({"what": what, **details}) + "\n")
        self.popen.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.popen.args} has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer


class Broker:
    """A Mosquitto as it comes, but for the port."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._config = directory / f"mosquitto-{self.port}.conf"
        lines = [f"listener {self.port} 127.0.0.1", "allow_anonymous true"]
        if os.geteuid() == 0:
            lines.append("user root")
        self._config.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it and wait until it takes connections."""
        path = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        if path is None:
            raise FileNotFoundError("mosquitto")
        self._process = subprocess.Popen([path, "-c", str(self._config)], stderr=subprocess.DEVNULL)
        wait_until(self._listens)
        return self

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """End it at once; nothing is kept."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()


class Bmw(Child):
    """A simulated BMW in a process of its own, so that its CPU time is not counted."""

    def __init__(self, directory: Path, cars: int = 9) -> None:
        super().__init__(directory, "simulated_bmw", cars)
        place = self.ask("place")
        self.server: str = place["server"]
        self.ca_file: str = place["ca_file"]


def car_vin(number: int) -> str:
    """Return the VIN of one of many cars."""
    return f"WBA{number:014}"


class CarData(Child):
    """A simulated CarData in a process of its own, with a customer each for bridge and floor."""

    def __init__(self, directory: Path, cars: int) -> None:
        super().__init__(directory, "simulated_cardata", cars)
        self.place = self.ask("place")

    def of(self, customer: str, what: str) -> str:
        """Return something of a customer's: `gcid`, `client_id`, a token."""
        return str(self.place[what][customer])

    def wait_for_listener(self, customer: str) -> None:
        """Wait until somebody listens to a customer's cars."""
        wait_until(lambda: self.ask("listening", to=customer)["is"])


def write_cardata_config(
    directory: Path, port: int, bmw: CarData, customer: str = "bridge", **others: Any
) -> tuple[Path, int]:
    """Write a configuration for one account that is logged in; return it and the page's port.

    Args:
        directory: for it and its data.
        port: of the broker.
        bmw: the simulated one.
        customer: whose account it is.
        others: more sections of the configuration.
    """
    data_dir = directory / "data"
    data_dir.mkdir(parents=True)
    now = datetime.now(UTC)
    tokens = {
        **{
            name: bmw.of(customer, name)
            for name in ("client_id", "gcid", "id_token", "access_token", "refresh_token")
        },
        "scope": "authenticate_user openid cardata:api:read cardata:streaming:read",
        "issued_at": now.isoformat(),
        "expires_at": (now + timedelta(hours=1)).isoformat(),
    }
    (data_dir / "tokens-eu.json").write_text(json.dumps(tokens))
    page_port = free_port()
    settings = {
        "mqtt": {"host": "127.0.0.1", "port": port},
        "accounts": {
            "eu": {
                "backend": "cardata",
                "client_id": bmw.of(customer, "client_id"),
                "auth_url": bmw.place["auth_url"],
                "api_url": bmw.place["api_url"],
                "stream_host": "127.0.0.1",
                "stream_port": bmw.place["stream_port"],
                "ca_file": bmw.place["ca_file"],
            }
        },
        "data_dir": str(data_dir),
        "http": {"port": page_port},
        **others,
    }
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path, page_port


def write_config(directory: Path, port: int, bmw: Bmw, *, poll_interval: int = 0) -> Path:
    """Write a configuration for one account; every call makes another bridge of it."""
    directory.mkdir(parents=True)
    path = directory / "config.yaml"
    account = {
        "backend": "mybmw",
        "username": USERNAME,
        "password": PASSWORD,
        "region": "rest_of_world",
        "captcha_token": f"captcha-of-{directory.name}",
        "server": bmw.server,
        "ca_file": bmw.ca_file,
        "poll_interval": poll_interval,
    }
    settings = {
        "mqtt": {"host": "127.0.0.1", "port": port, "client_id": directory.name},
        "accounts": {"home": account},
        "data_dir": str(directory / "data"),
        "http": {"port": free_port()},
    }
    path.write_text(yaml.safe_dump(settings))
    return path


def daemon(directory: Path, config: Path) -> Process:
    """Start `bmw2mqtt run` as users do."""
    return Process(directory, CONSOLE_SCRIPT, "run", "--config", str(config))
