"""The daemon as users run it: a process of its own, with a configuration file."""

import json
import os
import signal
from collections.abc import Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Self
from unittest import mock

import yaml

from bmw2mqtt.simulator.mybmw import MyBmwSimulator
from tests import forked_process
from tests.mosquitto import wait_until

EXIT_TIMEOUT_S = 8.0

PROGRAM = """
import sys
from bmw2mqtt.cli.main import main
sys.exit(main(sys.argv[1:]))
"""

WITH_IMPORTS = """
import os, sys
python = [sys.executable, "-X", "importtime", "-m", "bmw2mqtt"]
os.execv(sys.executable, [*python, *sys.argv[1:]])
"""
"""Begins with nothing imported, and prints on standard error what it imports."""

WITH_EVENT_POLLING = """
import sys
from bimmer_connected.vehicle import remote_services
from bmw2mqtt.accounts import scheduler as polling
from bmw2mqtt.cli.main import main
polling.REQUESTS = 100_000
remote_services._POLLING_CYCLE, remote_services._POLLING_TIMEOUT = map(float, sys.argv[1:3])
sys.exit(main(sys.argv[3:]))
"""


def settings_for(
    bmw: MyBmwSimulator,
    port: int,
    data_dir: Path,
    *,
    account: dict[str, Any] | None = None,
    **sections: Any,
) -> dict[str, Any]:
    """Return a configuration for one account at the simulator: the first user there."""
    user = bmw.accounts.users[0]
    return {
        "mqtt": {"port": port, "host": "127.0.0.1", **sections.pop("mqtt", {})},
        "accounts": {
            "home": {
                "backend": "mybmw",
                "username": user.username,
                "password": user.password,
                "region": user.region,
                "captcha_token": "captcha",
                "server": bmw.server,
                "ca_file": str(bmw.ca_file),
                **(account or {}),
            }
        },
        "data_dir": str(data_dir),
        "http": {"enabled": False},
        "log": {"level": "debug", "format": "json"},
        **sections,
    }


class Daemon:
    """`bmw2mqtt run`."""

    def __init__(
        self,
        directory: Path,
        settings: dict[str, Any],
        *,
        event_polling_s: tuple[float, float] | None = None,
        program: str = PROGRAM,
        arguments: Sequence[str] = (),
    ) -> None:
        """Write its configuration.

        Args:
            directory: where configuration and log are.
            settings: the configuration; without `http` there is no page, whose port others may use.
            event_polling_s: how often, and for how long at most, the library asks what became of
                a command, instead of 3.5 s and 240 s.
            program: the script to run.
            arguments: its arguments before those of `bmw2mqtt`.
        """
        self._program, self._arguments = program, list(arguments)
        if event_polling_s:
            self._program, self._arguments = WITH_EVENT_POLLING, list(map(str, event_polling_s))
        directory.mkdir(parents=True, exist_ok=True)
        self.config = directory / "config.yaml"
        settings = {"http": {"enabled": False}} | settings
        settings["log"] = {"format": "json"} | settings.get("log", {})
        self.config.write_text(yaml.safe_dump(settings, sort_keys=False))
        self.log_file = directory / "bmw2mqtt.log"
        self._log_size, self._events = 0, list[dict[str, Any]]()  # as far as it was read
        self._process: ForkServerProcess | None = None

    def start(self) -> Self:
        """Start it."""
        self.log_file.touch()
        arguments = [*self._arguments, "run", "--config", str(self.config)]
        with mock.patch.dict(os.environ):
            for name in [name for name in os.environ if name.startswith("BMW2MQTT_")]:
                del os.environ[name]
            self._process = forked_process.start(self._program, arguments, self.log_file)
        return self

    @property
    def process(self) -> ForkServerProcess:
        assert self._process is not None
        return self._process

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def signal(self, number: int) -> None:
        """Send a signal."""
        if self.process.exitcode is None:
            os.kill(self.pid, number)

    def wait(self, timeout_s: float = EXIT_TIMEOUT_S) -> int:
        """Wait for its end and return the exit status."""
        self.process.join(timeout_s)
        status = self.process.exitcode
        if status is None:
            message = f"the daemon still runs after {timeout_s} s"
            raise TimeoutError(message)
        return status

    def stop(self) -> int:
        """Stop it as Docker does."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.join()

    def log(self, level: str | None = None) -> list[dict[str, Any]]:
        """Return what it logged."""
        with self.log_file.open("rb") as file:
            file.seek(self._log_size)
            new, newline, _ = file.read().rpartition(b"\n")  # the last line may come just now
        self._log_size += len(new + newline)
        self._events += [json.loads(line) for line in new.splitlines() if line.startswith(b"{")]
        return [event for event in self._events if level is None or event.get("level") == level]

    def complaints(self) -> list[dict[str, Any]]:
        """Return warnings and errors."""
        return [e for e in self.log() if e.get("level") in {"warning", "error", "critical"}]

    def wait_log(self, event: str) -> dict[str, Any]:
        """Wait for a log event."""
        found: list[dict[str, Any]] = wait_until(
            lambda: [e for e in self.log() if e.get("event") == event], what=f"log {event}"
        )
        return found[-1]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self._process is None or self._process.exitcode is not None:
            return
        self._process.terminate()  # a killed process leaves no coverage data
        self._process.join(EXIT_TIMEOUT_S)
        if self._process.exitcode is None:
            self.kill()
