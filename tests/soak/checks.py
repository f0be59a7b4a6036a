"""What must be true during a soak and after it."""

import asyncio
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.soak.world import CARDATA_VINS, MILEAGE, MYBMW_VINS, World

DAY_S = 86_400.0
CARDATA_BUDGET = 45
MYBMW_POLLS = 288
"""A day's polls at the usual interval of five minutes."""
UNLOCK_FRESH_S = 60.0
LATE_S = 5.0
"""How long the library takes from our check to BMW, and a stall that is too short to be noticed."""
MAX_TASKS = 120
MAX_FILES = 40
"""Above those of the start: broker, stream and their peers, pools of HTTP connections."""
MAX_MEMORY_MB = 30


@dataclass
class Resources:
    """What this process uses, sampled."""

    files: list[int] = field(default_factory=list)
    tasks: list[int] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)

    def sample(self, world: World) -> None:
        """Look now; not at what the servers of the test hold, which may be silent for hours."""
        self.files.append(psutil.Process().num_fds() - world.broker.connections)
        self.tasks.append(sum(not _is_a_server(task) for task in asyncio.all_tasks()))
        self.memory_mb.append(psutil.Process().memory_info().rss / 2**20)

    def check(self) -> None:
        """Nothing grows without end."""
        assert max(self.tasks) <= MAX_TASKS, self.tasks
        assert max(self.files) - self.files[0] <= MAX_FILES, self.files
        half = len(self.memory_mb) // 2
        if half > 24:
            grown = max(self.memory_mb[half:]) - max(self.memory_mb[:half])
            assert grown <= MAX_MEMORY_MB, self.memory_mb

    def __str__(self) -> str:
        return (
            f"memory {self.memory_mb[0]:.0f} → {self.memory_mb[len(self.memory_mb) // 2]:.0f}"
            f" → {self.memory_mb[-1]:.0f} MiB (most {max(self.memory_mb):.0f}),"
            f" tasks {self.tasks[0]} → {self.tasks[-1]} (most {max(self.tasks)}),"
            f" files {self.files[0]} → {self.files[-1]} (most {max(self.files)})"
        )


def _is_a_server(task: asyncio.Task[Any]) -> bool:
    """Whether a task is one of the simulated BMW or of the broker."""
    coroutine: Any = task.get_coro()
    return "RequestHandler" in coroutine.__qualname__ or "SoakBroker" in coroutine.__qualname__


def most_within(times_s: list[float], window_s: float) -> int:
    """Return the most of these moments that lie in any window of this length."""
    return max(
        (bisect_left(times_s, start + window_s) - i for i, start in enumerate(times_s)), default=0
    )


def check_requests(world: World) -> str:
    """BMW is never asked more than promised; return the figures."""
    rest = [at for at, path, _ in world.bmw.cardata_requests if path.startswith("/customers/")]
    app = [at for at, _, _ in world.bmw.app_requests]
    passwords = [at for at, path, _ in world.bmw.app_requests if path.endswith("/authenticate")]
    most_rest, most_app = most_within(rest, DAY_S), most_within(app, DAY_S)
    assert most_rest <= CARDATA_BUDGET, f"{most_rest} requests to CarData in a day"
    most = (MYBMW_POLLS + 60) * (1 + 2 * len(MYBMW_VINS))
    assert most_app <= most, f"{most_app} requests to MyBMW in a day"
    assert len(passwords) <= 2 * (1 + world.captchas), "a password is sent once for each captcha"
    assert most_within(passwords, DAY_S) <= 2 * 5, "BMW locks accounts"
    assert most_within(app, 60.0) <= 60, "it is hammered"
    connects = len(world.bmw.cardata.stream.connects)
    return (
        f"requests in any 24 h: CarData {most_rest}, MyBMW {most_app},"
        f" in any minute {most_within(app, 60)}; in all: {len(rest)}, {len(app)};"
        f" stream {connects}, broker {world.broker.connects} connects"
    )


def check_commands(world: World) -> str:
    """No car was unlocked later than a person wants."""
    unlocked = 0
    for car in world.bmw.cars:
        sent = [at for at, vin in world.unlocks_sent if vin == car.vin]
        for at, service in car.performed_at:
            if service == "door-unlock":
                unlocked += 1
                ages = [at - moment for moment in sent if moment <= at]
                assert ages, "nobody asked for it"
                assert min(ages) <= UNLOCK_FRESH_S + LATE_S, f"unlocked {min(ages)} s later"
    return f"unlocked {unlocked} of {len(world.unlocks_sent)} times"


def check_published(world: World, *, may_lack_quota: bool) -> None:
    """The broker holds exactly what the bridge stands for, and that is the truth."""
    assert world.bridge is not None
    stands_for = dict(world.bridge.publisher._retained)
    retained = world.broker.retained
    assert retained.keys() == stands_for.keys(), retained.keys() ^ stands_for.keys()
    wrong = {t: (retained[t], stands_for[t]) for t in retained if retained[t] != stands_for[t]}
    assert not wrong, wrong
    assert world.status("app") == "ok"
    assert world.status("eu") == "ok" or (
        may_lack_quota and world.status("eu") == "quota_exceeded"
    ), world.status("eu")
    for car in world.bmw.cars:
        check_car(world, car.vin, car.state_data["state"]["currentMileage"])
    for cardata_car in world.bmw.cardata_user.cars:
        check_car(world, cardata_car.vin, cardata_car.readings()[MILEAGE].value)


def check_car(world: World, vin: str, mileage: Any) -> None:
    """A car is there, current and right."""
    assert world.published(f"{vin}/availability") == "online", vin
    assert world.published(f"{vin}/sensor/mileage") == str(mileage), vin
    assert f"homeassistant/device/bmw2mqtt_{vin}/config" in world.broker.retained


OF_A_RUN = (
    "event/",
    "energy_charged",
    "last_charge",
    "last_trip",
    "charging_end_time",
    "/attributes",
    "/state",
)
"""What depends on when one listened: estimates, and what holds times."""


def values(world: World) -> dict[str, bytes]:
    """Return what must be the same in any run: values of the cars."""
    return {
        topic: payload
        for topic, payload in world.broker.retained.items()
        if any(f"/{vin}/" in topic for vin in (*MYBMW_VINS, *CARDATA_VINS))
        and not any(part in topic for part in OF_A_RUN)
    }


def size_mb(folder: Path) -> float:
    """Return what a folder takes on the disk."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20
