"""Starts the demo, says how to look at it, stops it."""

import asyncio
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bmw2mqtt import log as logging_set_up
from bmw2mqtt.bridge import Bridge
from bmw2mqtt.config import Settings
from bmw2mqtt.daemon import stop_on_signals
from bmw2mqtt.demo.broker import Broker, DemoError, find_program, free_port
from bmw2mqtt.simulator.mybmw import MyBmwSimulator, SimulatedUser, demo_cars

POLL_INTERVAL_S: Final = 10
"""The demo's cars live fast; BMW itself must never be asked so often."""
PAGE_PORT: Final = 8099
USERNAME, PASSWORD, CAPTCHA_TOKEN = "demo@example.com", "demo", "demo"


def run(*, bind: str, port: int, data_dir: Path | None) -> int:
    """Run until Ctrl-C; return the exit status.

    Raises:
        DemoError: the broker cannot start.
    """
    logging_set_up.set_up("info", "auto")
    with ExitStack() as stack:
        directory = data_dir or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="bmw2mqtt-demo-"))
        )
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DemoError(f"{directory} cannot be used: {error.strerror}") from error
        try:
            asyncio.run(_run(bind, port, directory))
        except* DemoError as errors:
            raise errors.exceptions[0] from None
    return 0


async def _run(bind: str, wanted_port: int, directory: Path) -> None:
    stop = stop_on_signals()
    broker = Broker(find_program(), bind, free_port(bind, wanted_port), directory)
    user = SimulatedUser(username=USERNAME, password=PASSWORD, cars=demo_cars())
    async with broker, MyBmwSimulator([user]) as bmw:
        settings = _settings(broker, bmw, directory)
        print(_welcome(broker, wanted_port, settings), flush=True)  # noqa: T201 - for a person
        await Bridge(settings).run(stop)


def _settings(broker: Broker, bmw: MyBmwSimulator, directory: Path) -> Settings:
    return Settings.model_validate(
        {
            "mqtt": {
                "host": broker.address,
                "port": broker.port,
                "protocol": broker.program.protocol,
            },
            "accounts": {
                "demo": {
                    "backend": "mybmw",
                    "username": USERNAME,
                    "password": PASSWORD,
                    "captcha_token": CAPTCHA_TOKEN,
                    "server": bmw.server,
                    "ca_file": str(bmw.ca_file),
                    "poll_interval": POLL_INTERVAL_S,
                    "location": {"latitude": 48.177334, "longitude": 11.556274},
                }
            },
            "data_dir": str(directory / "data"),
            "http": {"port": free_port("127.0.0.1", PAGE_PORT)},
        }
    )


WELCOME: Final = """
  Three simulated cars drive, park and charge on the MQTT broker at {host}:{port} ({program}).{busy}

  Page:            http://127.0.0.1:{page_port}/
  Watch them:      mosquitto_sub -h {host} -p {port}{version} -v -t 'bmw2mqtt/#' -T '+/+/image/#'
  Home Assistant:  Settings > Devices & services > Add integration > MQTT,
                   broker {host}, port {port}, no user. The cars appear by themselves.
                   On another machine: start the demo with --bind 0.0.0.0
  Stop:            Ctrl-C
"""


def _welcome(broker: Broker, wanted_port: int, settings: Settings) -> str:
    return WELCOME.format(
        host=broker.address,
        port=broker.port,
        program=broker.program.name,
        busy="" if broker.port == wanted_port else f"\n  (Port {wanted_port} is in use.)",
        page_port=settings.http.port,
        version="" if broker.program.protocol == "5" else " -V 311",
    )
