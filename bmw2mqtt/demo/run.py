"""Runs the demo: broker, simulated BMW and bridge, until Ctrl-C."""

import asyncio
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bmw2mqtt import log as logging_set_up
from bmw2mqtt.bridge import Bridge
from bmw2mqtt.config import Settings
from bmw2mqtt.daemon import stop_on_signals
from bmw2mqtt.demo.broker import DemoBroker, DemoError, find_program, free_port
from bmw2mqtt.demo.past import record_past
from bmw2mqtt.simulator.cardata import CLIENT_ID, CarDataSimulator, CarDataUser
from bmw2mqtt.simulator.cardata import demo_cars as cardata_demo_cars
from bmw2mqtt.simulator.mybmw import MyBmwSimulator, SimulatedUser, demo_cars

POLL_INTERVAL_S: Final = 10
"""For the demo's time-lapse cars only; BMW itself must never be polled so often."""
PAGE_PORT: Final = 8099
USERNAME, PASSWORD, CAPTCHA_TOKEN = "demo@example.com", "demo", "demo"
MYBMW, CARDATA = "demo_mybmw", "demo_cardata"
HOME: Final = {"latitude": 48.17733, "longitude": 11.55627, "radius_m": 300}
"""Two of the cars live there."""
APPROVE_AFTER_S: Final = 5
"""The simulated owner confirms the CarData login after this time."""


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
    broker = DemoBroker(find_program(), bind, free_port(bind, wanted_port), directory)
    cars, cardata_cars = demo_cars(), cardata_demo_cars()
    user = SimulatedUser(username=USERNAME, password=PASSWORD, cars=cars)
    cardata_user = CarDataUser(cars=list(cardata_cars))
    mybmw = MyBmwSimulator([user])
    cardata = CarDataSimulator([cardata_user], approve_after_s=APPROVE_AFTER_S)
    _forget_logins(directory / "data")
    async with broker, mybmw, cardata:
        settings = _settings(broker, mybmw, cardata, directory)
        print(_welcome(broker, wanted_port, settings), flush=True)  # noqa: T201 - for a person
        await asyncio.to_thread(
            record_past,
            settings,
            polled=[car.model for car in cars],
            streaming=[car.model for car in cardata_cars],
        )
        await Bridge(settings).run(stop)


def _forget_logins(data_dir: Path) -> None:
    """Remove the logins of an earlier demo: the new simulator did not issue their tokens."""
    for account in (MYBMW, CARDATA):
        for name in (f"tokens-{account}.json", f"account-{account}.json"):
            (data_dir / name).unlink(missing_ok=True)


def _settings(
    broker: DemoBroker, mybmw: MyBmwSimulator, cardata: CarDataSimulator, directory: Path
) -> Settings:
    return Settings.model_validate(
        {
            "mqtt": {
                "host": broker.address,
                "port": broker.port,
                "protocol": broker.program.protocol,
            },
            "accounts": {
                MYBMW: {
                    "backend": "mybmw",
                    "username": USERNAME,
                    "password": PASSWORD,
                    "captcha_token": CAPTCHA_TOKEN,
                    "server": mybmw.server,
                    "ca_file": str(mybmw.ca_file),
                    "poll_interval": POLL_INTERVAL_S,
                    "location": {"latitude": 48.177334, "longitude": 11.556274},
                },
                CARDATA: {
                    "backend": "cardata",
                    "client_id": CLIENT_ID,
                    "auth_url": cardata.auth_url,
                    "api_url": cardata.api_url,
                    "stream_host": cardata.stream_host,
                    "stream_port": cardata.stream_port,
                    "ca_file": str(cardata.ca_file),
                },
            },
            "data_dir": str(directory / "data"),
            "history": {"home": HOME, "price_per_kwh": 0.31},
            "http": {"port": free_port("127.0.0.1", PAGE_PORT)},
        }
    )


WELCOME: Final = """
  Five simulated cars drive, park and charge on the MQTT broker at {host}:{port} ({program}).{busy}
  A day of theirs takes ten minutes. Three belong to a MyBMW account. Two belong to CarData and
  appear in about 15 s, after its login. The page has a fortnight of their charges and trips.

  Page:            http://127.0.0.1:{page_port}/
  Topics:          mosquitto_sub -h {host} -p {port}{version} -v -t 'bmw2mqtt/#' -T '+/+/image/#'
  Home Assistant:  Settings > Devices & services > Add integration > MQTT,
                   broker {host}, port {port}, no user. The cars appear by themselves.
                   On another machine: start the demo with --bind 0.0.0.0
  Stop:            Ctrl-C
"""


def _welcome(broker: DemoBroker, wanted_port: int, settings: Settings) -> str:
    return WELCOME.format(
        host=broker.address,
        port=broker.port,
        program=broker.program.name,
        busy="" if broker.port == wanted_port else f"\n  (Port {wanted_port} is in use.)",
        page_port=settings.http.port,
        version="" if broker.program.protocol == "5" else " -V 311",
    )
