"""The history of a year: what recording costs, and how fast its page answers."""

import http.client
import statistics
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import BLOCKS, Figure, Lines, Note, wait_until
from benchmarks.processes import (
    Broker,
    CarData,
    Process,
    car_vin,
    cpu_s,
    daemon,
    rss_mib,
    write_cardata_config,
)
from benchmarks.subscriber import Subscriber
from bmw2mqtt.history.service import FILE
from tests.history.year.car import TOWN, YearlyCar
from tests.history.year.recording import RecordedYear

WITHOUT: Final = "the same bridge with history.enabled: false"
QUIET_S: Final = 2.0
"""After the start: what a later answer of REST knows already, the stream would not change."""
MOST_PAGE_MS: Final = 100
MOST_MIB: Final = 3


@dataclass(frozen=True, slots=True)
class HistoryLoad:
    """How much is recorded and sent."""

    days: int
    blocks: int
    messages: int
    """As fast as they are taken, in a block."""
    steady: int
    """At a steady rate, in a block."""
    per_second: int
    burst_s: float
    """After the last message, so that the burst is recorded too."""
    settle_s: float
    """Until the memory is looked at."""
    requests: int
    """Of the page."""


FULL: Final = HistoryLoad(
    365, 2 * BLOCKS, messages=3000, steady=300, per_second=50, burst_s=1.5, settle_s=15, requests=20
)
QUICK: Final = HistoryLoad(
    10, 1, messages=50, steady=10, per_second=50, burst_s=0.1, settle_s=0.1, requests=2
)


class _Bridge:
    """A bridge with a broker of its own and one car of a customer."""

    def __init__(
        self, directory: Path, bmw: CarData, customer: str, stack: ExitStack, **others: Any
    ) -> None:
        self._bmw, self._customer = bmw, customer
        self.vin = _vin(customer)
        self._broker = stack.enter_context(Broker(directory))
        config, self.page_port = write_cardata_config(
            directory / customer, self._broker.port, bmw, customer, **others
        )
        self.data_dir = directory / customer / "data"
        self._config, self._directory = config, directory
        self._topic = f"bmw2mqtt/{self.vin}/sensor/mileage"

    def start(self, stack: ExitStack) -> None:
        """Start it."""
        self.process: Process = stack.enter_context(daemon(self._directory, self._config))

    def wait(self) -> None:
        """Wait for its car."""
        self._bmw.wait_for_listener(self._customer)
        with Subscriber(self._broker.port) as subscriber:
            wait_until(lambda: self._topic in subscriber.current())
            subscriber.rest(QUIET_S)

    def cpu_us(self, load: HistoryLoad, count: int, per_second: float | None) -> float:
        """Send messages; return CPU for each.

        Once more if the last one does not come: the stream may just have been connected anew.
        """
        try:
            return self._cpu_us(load, count, per_second, timeout_s=20)
        except TimeoutError:
            return self._cpu_us(load, count, per_second, timeout_s=60)

    def _cpu_us(
        self, load: HistoryLoad, count: int, per_second: float | None, *, timeout_s: float
    ) -> float:
        with Subscriber(self._broker.port, self._topic, is_live=True) as subscriber:
            before = cpu_s(self.process.pid)
            order = {"to": self._customer, "count": count, "per_second": per_second}
            probe = str(self._bmw.ask("send", **order)["probe"]).encode()
            subscriber.first(lambda _, payload: payload == probe, timeout_s)
            time.sleep(load.burst_s)
            return (cpu_s(self.process.pid) - before) * 1e6 / count

    @property
    def memory_mib(self) -> float:
        """Its memory now."""
        return rss_mib(self.process.pid)

    def page_ms(self) -> tuple[float, int]:
        """Ask for the car's page; return how long it took and how long it is."""
        started = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.page_port, timeout=60)
        connection.request("GET", f"/cars/{self.vin}/")
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status == http.client.OK, answer.status
        return (time.monotonic() - started) * 1000, len(body)


def _vin(customer: str) -> str:
    return car_vin({"bridge": 0, "floor": 1}[customer])


def measure(directory: Path, *, quick: bool) -> Lines:
    load = QUICK if quick else FULL
    with ExitStack() as stack:
        bmw = stack.enter_context(CarData(directory, 1))
        home = {"latitude": TOWN.waypoints[0].latitude, "longitude": TOWN.waypoints[0].longitude}
        ours = _Bridge(directory, bmw, "bridge", stack, history={"home": home})
        floor = _Bridge(directory, bmw, "floor", stack, history={"enabled": False})
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        car = YearlyCar(7, load.days, begin=midnight - timedelta(days=load.days + 3))
        year = RecordedYear(car, ours.data_dir, vin=ours.vin)
        year.run()
        for bridge in (ours, floor):
            bridge.start(stack)
        for bridge in (ours, floor):
            bridge.wait()
        yield from _measure_cpu(ours, floor, load)
        yield from _measure_memory(ours, floor, load)
        yield _measure_page(ours, year, load)


def _measure_cpu(ours: _Bridge, floor: _Bridge, load: HistoryLoad) -> Lines:
    pace = f"{load.per_second}/s"
    for what, count, per_second in (
        ("history: CPU for a stream message", load.messages, None),
        (f"history: the same at {pace}", load.steady, load.per_second),
    ):
        for bridge in (ours, floor):
            bridge.cpu_us(load, count, per_second)
        pairs = [
            (ours.cpu_us(load, count, per_second), floor.cpu_us(load, count, per_second))
            for _ in range(load.blocks)
        ]
        yield Figure(
            what=what,
            ours=[pair[0] for pair in pairs],
            floor=[pair[1] for pair in pairs],
            unit="µs",
            bound=1.1,
            floor_name=WITHOUT,
        )


def _measure_memory(ours: _Bridge, floor: _Bridge, load: HistoryLoad) -> Lines:
    time.sleep(load.settle_s)
    used = ours.memory_mib, floor.memory_mib
    yield Figure(
        what="history: memory", ours=[used[0]], floor=[used[1]], unit="MiB", floor_name=WITHOUT
    )
    more = used[0] - used[1]
    verdict = "ok" if more <= MOST_MIB else "over"
    yield Note(f"history: memory {more:+.1f} MiB (≤ {MOST_MIB}) {verdict}")


def _measure_page(bridge: _Bridge, year: RecordedYear, load: HistoryLoad) -> Note:
    first_ms, length = bridge.page_ms()
    times_ms = [bridge.page_ms()[0] for _ in range(load.requests)]
    page_ms = statistics.median(times_ms)
    return Note(
        f"history: page of {load.days} days, {len(year.car.charges)} charges and"
        f" {len(year.car.trips)} trips: {page_ms:.0f} ms (≤ {MOST_PAGE_MS})"
        f" {'ok' if page_ms <= MOST_PAGE_MS else 'over'}, the first time {first_ms:.0f} ms,"
        f" {length / 1024:.0f} KiB; the file has {(year.path / FILE).stat().st_size / 1e6:.2f} MB"
    )
