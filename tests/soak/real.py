"""Minutes of a daemon in real time, with a broker that goes wrong every few seconds.

`make soak-real ARGS="--minutes 20 --seed 7"`; without a seed one is drawn. The seed is printed
first.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bmw2mqtt.simulator.cardata import (
    CarDataSimulator,
    CarDataUser,
    RecordedCarDataCar,
)
from bmw2mqtt.simulator.mybmw import MyBmwSimulator, SimulatedUser
from bmw2mqtt.simulator.tls import Certificates
from tests.cardata_account import write_tokens
from tests.conftest import BackgroundBmw
from tests.daemon import Daemon
from tests.fixture_cars import fixture_car
from tests.mosquitto import Mosquitto, Observer, free_port, wait_until
from tests.soak.proxy import ThrottlingProxy

MYBMW_VINS = ("WBA00000000DEMO02", "WBA00000000DEMO04", "WBY000000NOREXI01")
CARDATA_VINS = ("WBA00000000000001", "WMW00000000000002")
MILEAGE = "vehicle.vehicle.travelledDistance"
RIGHT_WITHIN_S = 90.0
"""After the last trouble: the broker's longest back-off, and a poll."""
EXIT_S = 5.0
MAX_THREADS, MAX_FILES, MAX_GROWTH_MB = 40, 20, 25
QUIET_S, MAX_QUIET_CPU_S = 3.0, 1.0
"""Processor time of a daemon that polls every few seconds; a loop that spins takes all."""
POLL_S = 5


class Bmw:
    """Both of BMW's clouds in a thread of their own, with five cars."""

    def __init__(self, folder: Path) -> None:
        self._servers = BackgroundBmw()
        certificates = Certificates.create(folder / "authority")
        self.cars = [fixture_car(vin) for vin in MYBMW_VINS]
        user = SimulatedUser(username="me@example.com", password="a-password-42", cars=self.cars)
        self.app: MyBmwSimulator = self._servers.start(user, certificates=certificates)
        self.cardata_cars = [
            RecordedCarDataCar(vin, {MILEAGE: 1000}, image=b"\x89PNG a") for vin in CARDATA_VINS
        ]
        self.user = CarDataUser(cars=list(self.cardata_cars))
        self.cardata: CarDataSimulator = self._servers.start_cardata(
            self.user, certificates=certificates
        )

    def close(self) -> None:
        """Stop them."""
        self._servers.close()

    def settings(self, port: int, folder: Path) -> dict[str, Any]:
        """Return a configuration for both accounts, and leave a CarData login in `folder`."""
        self._log_in(folder)
        ca_file = str(self.app.ca_file)
        return {
            "mqtt": {"host": "127.0.0.1", "port": port, "keepalive": 10},
            "accounts": {
                "app": {
                    "backend": "mybmw",
                    "username": "me@example.com",
                    "password": "a-password-42",
                    "region": "rest_of_world",
                    "captcha_token": "captcha",
                    "poll_interval": POLL_S,
                    "server": self.app.server,
                    "ca_file": ca_file,
                },
                "eu": self.cardata.account_settings(),
            },
            "data_dir": str(folder),
            "http": {"port": free_port()},
            "log": {"level": "info", "format": "json"},
        }

    def _log_in(self, folder: Path) -> None:
        write_tokens(folder, self.cardata, self.user, self._servers.do)

    def drive(self, number: int) -> None:
        """Let every car drive to a new mileage."""
        self._servers.do(lambda: self._drive(number))

    def _drive(self, number: int) -> None:
        for car in self.cars:
            car.state_data["state"]["currentMileage"] = 200_000 + number
        for cardata_car in self.cardata_cars:
            cardata_car.report({MILEAGE: 200_000 + number})

    def is_listening(self) -> bool:
        """Whether the stream stands."""
        return self.cardata.stream.is_subscribed(self.user.gcid)


@dataclass
class Usage:
    """What the daemon uses, sampled."""

    pid: int
    memory_mb: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)

    def sample(self) -> None:
        """Look now."""
        process = psutil.Process(self.pid)
        self.memory_mb.append(process.memory_info().rss / 2**20)
        self.files.append(process.num_fds())
        self.threads.append(process.num_threads())

    def check(self) -> None:
        """Nothing grows without end; the first third is for what is imported and cached."""
        third = len(self.memory_mb) // 3
        assert max(self.threads) <= MAX_THREADS, self.threads
        assert max(self.files[third:]) - self.files[third] <= MAX_FILES, self.files
        grown = max(self.memory_mb[third:]) - max(self.memory_mb[: third + 1])
        assert grown <= MAX_GROWTH_MB, self.memory_mb

    def __str__(self) -> str:
        third = len(self.memory_mb) // 3
        return "; ".join(
            f"{name} {values[third]:.0f} → {values[-1]:.0f} (most {max(values):.0f})"
            for name, values in (
                ("memory MiB", self.memory_mb),
                ("files", self.files),
                ("threads", self.threads),
            )
        )


class Brokers:
    """Two Mosquittos behind a proxy, and what happens to them."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self._chance = chance
        self.brokers = [Mosquitto(folder), Mosquitto(folder)]
        self.proxy = ThrottlingProxy(self.brokers[0].port)
        self._current = 0
        self.counts: Counter[str] = Counter()
        self._troubles: dict[str, Callable[[], None]] = {
            "killed": self._kill,
            "stopped": self._stop,
            "slowed": self._slow,
            "swapped": self._swap,
            "connection broken": self.proxy.break_connections,
        }

    @property
    def current(self) -> Mosquitto:
        """The one that the daemon reaches."""
        return self.brokers[self._current]

    def act(self) -> None:
        """Let something go wrong."""
        name = self._chance.choice(list(self._troubles))
        self.counts[name] += 1
        self._troubles[name]()

    def _kill(self) -> None:
        self.current.kill()
        time.sleep(self._chance.choice((0, 0.5, 3, 8)))
        self.current.start()

    def _stop(self) -> None:
        process = self.current._process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        time.sleep(self._chance.choice((0.5, 3, 12, 20)))
        process.send_signal(signal.SIGCONT)

    def _slow(self) -> None:
        self.proxy.bytes_per_s = self._chance.choice((500, 5_000, 50_000))
        time.sleep(self._chance.uniform(1, 10))
        self.proxy.bytes_per_s = None

    def _swap(self) -> None:
        """The other one is empty, or holds what was true when it was left."""
        self._current = 1 - self._current
        if self._chance.random() < 0.5:
            self.current.kill()
            self.current.start()
        self.proxy.target = self.current.port
        self.proxy.break_connections()


def soak(seconds: float, seed: int, folder: Path) -> list[str]:
    """Let a daemon live for so long; return the figures.

    Raises:
        AssertionError: something is wrong.
    """
    chance = random.Random(seed)
    with ExitStack() as stack:
        bmw = Bmw(folder)
        stack.callback(bmw.close)
        brokers = Brokers(folder, chance)
        for broker in brokers.brokers:
            stack.enter_context(broker)
        proxy = stack.enter_context(brokers.proxy)
        settings = bmw.settings(proxy.port, folder / "data")
        daemon = stack.enter_context(Daemon(folder / "daemon", settings))
        wait_until(bmw.is_listening, what="the stream")
        usage = Usage(daemon.pid)
        number, end_s = 0, time.monotonic() + seconds
        while time.monotonic() < end_s:
            number += 1
            bmw.drive(number)
            usage.sample()
            time.sleep(chance.uniform(0.5, 4))
            brokers.act()
            assert psutil.Process(daemon.pid).status() != psutil.STATUS_ZOMBIE, "it ended"
        bmw.drive(number + 1)
        wait_right(brokers.current.port, 200_001 + number)
        usage.sample()
        usage.check()
        check_quiet(daemon.pid)
        began_s = time.monotonic()
        assert daemon.stop() == 0
        stop_s = time.monotonic() - began_s
        assert stop_s <= EXIT_S, f"stopping takes {stop_s} s"
        check_log(daemon)
        return [
            f"{number} troubles: {dict(brokers.counts)}",
            str(usage),
            f"stopped within {stop_s:.1f} s",
            f"log {dict(Counter(entry['event'] for entry in daemon.log()).most_common(20))}",
        ]


def wait_right(port: int, mileage: int) -> None:
    """Wait until the broker shows what is true of all cars."""
    with Observer(port) as observer:
        deadline_s = time.monotonic() + RIGHT_WITHIN_S
        while wrong := what_is_wrong(observer.current(), mileage):
            assert time.monotonic() < deadline_s, f"not within {RIGHT_WITHIN_S} s: {wrong}"
            time.sleep(0.1)


def what_is_wrong(topics: dict[str, bytes], mileage: int) -> dict[str, bytes | None]:
    """Return the topics that do not hold what they should."""
    expected = {"bmw2mqtt/bridge/availability": b"online"}
    for name in ("app", "eu"):
        expected[f"bmw2mqtt/account/{name}/sensor/status"] = b"ok"
    for vin in (*MYBMW_VINS, *CARDATA_VINS):
        expected[f"bmw2mqtt/{vin}/availability"] = b"online"
        expected[f"bmw2mqtt/{vin}/sensor/mileage"] = b"%d" % mileage
    wrong = {t: topics.get(t) for t, payload in expected.items() if topics.get(t) != payload}
    for vin in (*MYBMW_VINS, *CARDATA_VINS):
        state, config = f"bmw2mqtt/{vin}/state", f"homeassistant/device/bmw2mqtt_{vin}/config"
        if json.loads(topics.get(state, b"{}")).get("sensor", {}).get("mileage") != mileage:
            wrong[state] = topics.get(state)
        if config not in topics:
            wrong[config] = None
    return wrong


def check_quiet(pid: int) -> None:
    """Nothing is tried again and again without a pause."""
    before = psutil.Process(pid).cpu_times()
    time.sleep(QUIET_S)
    after = psutil.Process(pid).cpu_times()
    used_s = after.user + after.system - before.user - before.system
    assert used_s <= MAX_QUIET_CPU_S, f"{used_s:.1f} s of processor time in {QUIET_S:.0f} s"


def check_log(daemon: Daemon) -> None:
    """No bug showed."""
    bugs = [entry for entry in daemon.log() if "exception" in entry or entry["level"] == "critical"]
    assert not bugs, bugs[0]


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    print(f"soak in real time: seed {seed}, {given.minutes} minutes", flush=True)  # noqa: T201
    with tempfile.TemporaryDirectory(prefix="bmw2mqtt-soak-") as folder:
        print(*soak(given.minutes * 60, seed, Path(folder)), sep="\n")  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
