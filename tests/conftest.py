"""What many tests need: a broker, a simulated BMW, a running daemon."""

import asyncio
import gc
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import pytest
import structlog

from bmw2mqtt.simulator.cardata import CarDataSimulator, CarDataUser
from bmw2mqtt.simulator.mybmw import MyBmwSimulator, SimulatedCar, SimulatedUser
from tests.daemon import Daemon, settings_for
from tests.fixture_cars import fixture_cars
from tests.forked_process import MEASURED, hash_quickly
from tests.mosquitto import Mosquitto, Observer

LOGGERS = ("bimmer_connected", "mqtt", "asyncio", "httpcore", "aiohttp.access")
"""Whose level the bridge sets."""


MEMORY = Path("/dev/shm")  # noqa: S108 - only its path is named here
"""A folder that Linux keeps in memory; a container's may be small, or not for programs."""
ROOM_BYTES = 2**30
AT_LAST = -200
"""After multiprocessing has removed its own folder."""


def _keep_files_in_memory() -> None:
    """Let temporary files be in memory, unless somebody wants them elsewhere: disks are slow.

    Accounts write what must survive a power failure, and wait for the disk each time. Each run has
    a folder, which its workers get from the environment, and removes it when all else has ended.
    Pytest keeps the folders of failed tests beside it.
    """
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.R_OK | os.W_OK | os.X_OK):
        return
    is_for_programs = not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC
    if is_for_programs and shutil.disk_usage(MEMORY).free > ROOM_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
        folder = tempfile.mkdtemp(prefix="bmw2mqtt-tests-", dir=MEMORY)
        os.environ["TMPDIR"] = folder
        tempfile.tempdir = None  # ask the environment again
        Finalize(None, shutil.rmtree, (folder, True), exitpriority=AT_LAST)


WAITING = ("integration", "web", "soak", "cli", "test_demo.py", "test_benchmarks.py")
"""Tests that wait for processes most of the time."""
WAITING_UNTIL = 0.75
"""In which part of a worker's tests they come: at the end a long one would let others idle."""
BROWSER = "browser"
SHARED = {"running", "drive", "bridges"}
"""Fixtures of a module: a daemon for all of its tests."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Spread the tests that wait over the workers: the processors have other work meanwhile.

    Each worker begins with an equal part of all tests, in order, and takes others' last ones at its
    end. Tests that share a fixture stay together; those with a browser are the first worker's.
    """
    waiting: dict[object, list[pytest.Item]] = {BROWSER: []}
    modules: dict[object, list[pytest.Item]] = {}
    for item in items:
        is_waiting = item.path.relative_to(Path(__file__).parent).parts[0] in WAITING
        units, unit = (waiting, _unit(item)) if is_waiting else (modules, item.path)
        units.setdefault(unit, []).append(item)
    browsing, *rest = waiting.values()
    rest.reverse()  # the shortest, of `cli`, come last
    workers = getattr(config, "workerinput", {"workercount": 1})["workercount"]
    parts = [[browsing], *(rest[worker :: workers - 1] for worker in range(workers - 1))]
    if workers == 1:
        parts = [[browsing, *rest]]
    others = list(modules.values())
    placed: list[tuple[float, list[pytest.Item]]] = []
    for worker, own in enumerate(parts):
        placed += [(worker + WAITING_UNTIL * at / len(own), unit) for at, unit in enumerate(own)]
        room, taken = max(len(items) / workers - sum(map(len, own)), 1), 0
        while others and (taken < room or worker == workers - 1):
            placed.append((worker + min(taken / room, 1), others[0]))
            taken += len(others.pop(0))
    placed.sort(key=lambda pair: pair[0])
    items[:] = [item for _, unit in placed for item in unit]


def _unit(item: pytest.Item) -> object:
    """Return what is the same for tests that stay together."""
    fixtures = getattr(item, "fixturenames", ())
    if BROWSER in fixtures:
        return BROWSER
    return item.path if SHARED.intersection(fixtures) else item.nodeid


# `no_cover` pauses one measurement. In a worker of pytest-xdist there are three: that of a child
# process, of a run without workers, and of a worker. Only the last one stays.


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Let workers not be measured as child processes."""
    os.environ.pop(MEASURED, None)


def pytest_configure(config: pytest.Config) -> None:
    """Let hashes and files be quick, and end what pytest-cov measures as if without workers."""
    _keep_files_in_memory()
    hash_quickly()
    controller = _coverage(config)
    if controller is not None and hasattr(config, "workerinput"):
        controller.cov.stop()


def _coverage(config: pytest.Config) -> Any:
    return getattr(config.pluginmanager.getplugin("_cov"), "cov_controller", None)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, Any, Any]:
    """Measure imports in one worker: each has the same, and measuring takes as long again."""
    controller = _coverage(session.config)
    worker = getattr(session.config, "workerinput", {"workerid": "gw0"})["workerid"]
    if controller is None or worker == "gw0":
        return (yield from _without_garbage_collection())
    controller.pause()
    try:
        return (yield from _without_garbage_collection())
    finally:
        controller.resume()


def _without_garbage_collection() -> Generator[None, Any, Any]:
    """Let no garbage collection look at what collecting makes, now or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def _own_log(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let what a test sets up of the log end with it."""
    configure = structlog.configure
    monkeypatch.setattr(
        structlog,
        "configure",
        lambda **how: configure(**how | {"cache_logger_on_first_use": False}),
    )
    loggers = [logging.getLogger(name) for name in (None, *LOGGERS)]
    levels = [logger.level for logger in loggers]
    handlers = loggers[0].handlers[:]
    yield
    structlog.reset_defaults()
    loggers[0].handlers[:] = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture(autouse=True)
def _check_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `check` return where it would end the process, which is the test's own here."""
    monkeypatch.setattr("bmw2mqtt.cli.check.leave", lambda status: status)


@pytest.fixture(autouse=True)
def _processes_without_coverage(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measure no coverage in the processes of a test that is marked `no_cover` either."""
    if request.node.get_closest_marker("no_cover"):
        monkeypatch.delenv(MEASURED, raising=False)


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
        self._running: list[MyBmwSimulator | CarDataSimulator] = []

    def start_cardata(self, *users: CarDataUser, **options: Any) -> CarDataSimulator:
        """Start BMW's CarData with these users."""
        simulator = CarDataSimulator(users, **options)
        self.call(simulator.start())
        self._running.append(simulator)
        return simulator

    def do(self, act: Callable[[], Any]) -> Any:
        """Let something happen in the simulators' thread, and return what it gave."""

        async def run() -> Any:
            return act()

        return self.call(run())

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
        self.call(_let_go())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _let_go() -> None:
    """End connections that were closed here; a browser keeps its end of them."""
    transports = asyncio.get_running_loop()._transports  # type: ignore[attr-defined]
    for transport in tuple(transports.values()):
        transport.abort()
    for _ in range(20):
        await asyncio.sleep(0)


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


@pytest.fixture
def launch(
    tmp_path: Path,
    bmw_servers: BackgroundBmw,  # noqa: ARG001 - they have to outlive the daemons
) -> Iterator[Callable[[dict[str, Any]], Daemon]]:
    """Start a daemon with these settings; `daemon` is the shorter way for one ordinary account."""
    started: list[Daemon] = []

    def start(settings: dict[str, Any]) -> Daemon:
        started.append(Daemon(tmp_path / f"launched{len(started)}", settings).start())
        return started[-1]

    yield start
    for process in started:
        process.__exit__()
