"""What many tests need: a broker, a simulated BMW, a running daemon."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.simulator.mybmw import MyBmwSimulator, SimulatedCar, SimulatedUser
from tests.daemon import Daemon, settings_for
from tests.fixture_cars import fixture_cars
from tests.mosquitto import Mosquitto, Observer


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A Mosquitto of this test alone."""
    with Mosquitto(tmp_path) as mosquitto:
        yield mosquitto


@pytest.fixture
def observer(broker: Mosquitto) -> Iterator[Observer]:
    """A subscriber to everything."""
    with Observer(broker.port) as seen:
        yield seen


class BackgroundBmw:
    """Simulated BMWs in a thread of their own, for tests that watch a daemon from outside."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._running: list[MyBmwSimulator] = []

    def start(self, *users: SimulatedUser, **options: Any) -> MyBmwSimulator:
        """Start one with these users."""
        simulator = MyBmwSimulator(list(users), **options)
        self.call(simulator.start())
        self._running.append(simulator)
        return simulator

    def call(self, coroutine: Any) -> Any:
        """Run something in the simulators' thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def close(self) -> None:
        """Stop them all."""
        for simulator in self._running:
            self.call(simulator.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def bmw_servers() -> Iterator[BackgroundBmw]:
    """Start simulated BMWs."""
    servers = BackgroundBmw()
    yield servers
    servers.close()


@pytest.fixture
def cars() -> list[Any]:
    """The cars at BMW; tests change them before or while the daemon runs."""
    return fixture_cars()


@pytest.fixture
def user(cars: list[SimulatedCar]) -> SimulatedUser:
    """Who owns them."""
    return SimulatedUser(username="me@example.com", password="a-password-42", cars=cars)


@pytest.fixture
def bmw(bmw_servers: BackgroundBmw, user: SimulatedUser) -> MyBmwSimulator:
    """BMW, with the nine fixture cars."""
    return bmw_servers.start(user)


@pytest.fixture
def daemon(
    tmp_path: Path, broker: Mosquitto, bmw: MyBmwSimulator
) -> Iterator[Callable[..., Daemon]]:
    """Start a daemon: `daemon(account={"poll_interval": 1}, homeassistant={…})`."""
    started: list[Daemon] = []

    def start(**sections: Any) -> Daemon:
        settings = settings_for(bmw, broker.port, tmp_path / "data", **sections)
        started.append(Daemon(tmp_path / f"daemon{len(started)}", settings).start())
        return started[-1]

    yield start
    for process in started:
        process.__exit__()
