"""Runs the demo: broker, simulated BMW and bridge, until Ctrl-C."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TextIO

from bmw2mqtt import log as logging_set_up
from bmw2mqtt.bridge import Bridge
from bmw2mqtt.config import Settings, is_loopback
from bmw2mqtt.daemon import stop_on_signals
from bmw2mqtt.demo.broker import DemoBroker, DemoError, find_program, free_port
from bmw2mqtt.demo.past import record_past
from bmw2mqtt.demo.welcome import public_host, welcome
from bmw2mqtt.simulator.cardata import (
    CarDataSimulator,
    CarDataUser,
    DrivingCarDataCar,
)
from bmw2mqtt.simulator.cardata import demo_cars as cardata_demo_cars
from bmw2mqtt.simulator.cardata.driving import CARDATA_ELECTRIC
from bmw2mqtt.simulator.mybmw import DrivingCar, MyBmwSimulator, SimulatedUser, demo_cars
from bmw2mqtt.simulator.tls import Certificates

POLL_INTERVAL_S: Final = 10
"""For the demo's time-lapse cars only; BMW itself must never be polled so often."""
PAGE_TOKEN: Final = "bmw2mqtt-demo-page"  # noqa: S105 - printed for everybody
USERNAME, PASSWORD, CAPTCHA_TOKEN = "demo@example.com", "demo", "demo"
MYBMW, CARDATA, LOGIN = "demo_mybmw", "demo_cardata", "demo_login"
HOME: Final = {"latitude": 48.17733, "longitude": 11.55627, "radius_m": 300}
"""Two of the cars live there."""
APPROVE_AFTER_S: Final = 5
"""The simulated owner confirms the login of `demo_cardata` after this time."""
WAITING_CAR: Final = replace(
    CARDATA_ELECTRIC, vin="WBY61CARDATA00EV2", name="iX1 eDrive20", initial_mileage_km=8_201.7
)
"""The car of `demo_login`, whose login waits for whoever tries the demo."""


def run(*, bind: str, port: int, page_port: int, data_dir: Path | None) -> int:
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
            asyncio.run(_run(bind, port, page_port, directory))
        except* DemoError as errors:
            raise errors.exceptions[0] from None
        finally:
            _flush(sys.stdout)
            _flush(sys.stderr)
    return 0


async def _run(bind: str, wanted_port: int, page_port: int, directory: Path) -> None:
    stop = stop_on_signals()
    broker = DemoBroker(find_program(), bind, free_port(bind, wanted_port), directory)
    cars, cardata_cars = demo_cars(), cardata_demo_cars()
    user = SimulatedUser(username=USERNAME, password=PASSWORD, cars=cars)
    cardata_user = CarDataUser(cars=list(cardata_cars))
    waiting_user = CarDataUser(cars=[DrivingCarDataCar(WAITING_CAR)])
    mybmw = MyBmwSimulator([user])
    cardata = CarDataSimulator([cardata_user], approve_after_s=APPROVE_AFTER_S)
    waiting = _simulator_for_people(public_host(bind), waiting_user, directory)
    _forget_logins(directory / "data")
    async with broker, mybmw, cardata, waiting:
        accounts = {
            MYBMW: _mybmw(mybmw),
            CARDATA: cardata.account_settings(),
            LOGIN: waiting.account_settings(),
        }
        mqtt = {
            "host": broker.address,
            "port": broker.port,
            "protocol": broker.program.protocol,
        }
        settings = Settings.model_validate(
            {
                "mqtt": mqtt,
                "accounts": accounts,
                "vehicles": capacities(cars),
                "data_dir": str(directory / "data"),
                "history": {"home": HOME, "price_per_kwh": 0.31},
                "http": _page(bind, page_port),
            }
        )
        _print(welcome(broker, wanted_port, settings.http))
        await asyncio.to_thread(
            record_past,
            settings,
            polled=[car.model for car in cars],
            streaming=[car.model for car in cardata_cars],
        )
        await Bridge(settings).run(stop)


def _print(text: str) -> None:
    """Print for a person, who may have closed the terminal."""
    with suppress(OSError):
        print(text)  # noqa: T201
    _flush(sys.stdout)


def _flush(stream: TextIO) -> None:
    """Write what waits; drop it where nobody reads it, for Python tries once more at its end."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _simulator_for_people(host: str, user: CarDataUser, directory: Path) -> CarDataSimulator:
    """Return a simulated BMW whose login page opens on every machine that sees the demo."""
    certificates = None
    if not is_loopback(host):
        certificates = Certificates.create(directory / "simulator", (host,))
    return CarDataSimulator([user], host=host, certificates=certificates)


def _forget_logins(data_dir: Path) -> None:
    """Remove the logins of an earlier demo: the new simulator did not issue their tokens."""
    for account in (MYBMW, CARDATA, LOGIN):
        for name in (f"tokens-{account}.json", f"account-{account}.json"):
            (data_dir / name).unlink(missing_ok=True)


def _mybmw(bmw: MyBmwSimulator) -> dict[str, Any]:
    return {
        "backend": "mybmw",
        "username": USERNAME,
        "password": PASSWORD,
        "captcha_token": CAPTCHA_TOKEN,
        "server": bmw.server,
        "ca_file": str(bmw.ca_file),
        "poll_interval": POLL_INTERVAL_S,
        "location": {"latitude": 48.177334, "longitude": 11.556274},
    }


def _page(bind: str, wanted_port: int) -> dict[str, Any]:
    """Return the page's settings; on a network the page of any bmw2mqtt needs a token."""
    page: dict[str, Any] = {"host": bind, "port": free_port(bind, wanted_port, "--page-port")}
    if not is_loopback(bind):
        page["token"] = PAGE_TOKEN
    return page


def capacities(cars: Iterable[DrivingCar]) -> dict[str, Any]:
    """Return the settings of cars whose account does not report the battery's capacity."""
    models = [car.model for car in cars]
    return {
        model.vin: {"battery_capacity_kwh": model.battery.capacity_kwh}
        for model in models
        if model.battery is not None
    }
