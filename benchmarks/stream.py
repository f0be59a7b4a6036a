"""BMW's stream through the whole bridge, beside the obvious loop that awaits each key."""

import http.client
import statistics
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import BLOCKS, Figure, Lines, Note, wait_until
from benchmarks.processes import (
    Broker,
    CarData,
    Child,
    Process,
    car_vin,
    cpu_s,
    daemon,
    rss_mib,
    write_cardata_config,
)
from benchmarks.simulated_cardata import PROBE
from benchmarks.subscriber import Subscriber

STEADY_PER_S = 100
FLOOR = "each key awaited, QoS 1"
SPEED = "vehicle.vehicle.avgSpeed"
"""A value that depends on no other, and that every car shows."""


@dataclass(frozen=True, slots=True)
class StreamLoad:
    """How many messages are sent."""

    cars: tuple[int, ...]
    blocks: int
    messages: int
    """In a block."""
    steady: int
    """At a steady rate."""
    burst: int
    """At once."""
    many: int
    """After which memory must not have grown."""


FULL = StreamLoad((1, 100), BLOCKS, messages=3000, steady=1000, burst=10_000, many=1_000_000)
QUICK = StreamLoad((2,), 1, messages=50, steady=20, burst=100, many=100)


class Run:
    """A bridge and the floor, listening to the same simulated CarData."""

    def __init__(self, directory: Path, cars: int, stack: ExitStack) -> None:
        directory = directory / f"{cars}"
        directory.mkdir()
        self._broker = stack.enter_context(Broker(directory))
        self._bmw = stack.enter_context(CarData(directory, cars))
        config, self.page_port = write_cardata_config(
            directory / "bridge", self._broker.port, self._bmw
        )
        self.bridge: Process = stack.enter_context(daemon(directory, config))
        self.floor: Process = stack.enter_context(
            Child(
                directory,
                "floors.stream",
                self._broker.port,
                self._bmw.place["stream_port"],
                self._bmw.of("floor", "gcid"),
                self._bmw.of("floor", "id_token"),
                self._bmw.place["ca_file"],
            )
        )
        self._topics = {
            "bridge": f"bmw2mqtt/{car_vin(0)}/sensor/mileage",
            "floor": f"floor/{car_vin(cars)}/{PROBE}",
        }
        self._processes = {"bridge": self.bridge, "floor": self.floor}
        for customer in self._topics:
            self._bmw.wait_for_listener(customer)
        with Subscriber(self._broker.port) as subscriber:
            wait_until(lambda: self._topics["bridge"] in subscriber.current())
            subscriber.rest()

    def flood(self, customer: str, count: int) -> tuple[float, float]:
        """Send as fast as it is taken; return CPU in µs for a message, and messages in a second."""
        pid = self._processes[customer].pid
        with Subscriber(self._broker.port, self._topics[customer], is_live=True) as subscriber:
            cpu = cpu_s(pid)
            sent = self._bmw.ask("send", to=customer, count=count)
            probe = str(sent["probe"]).encode()
            seen_at = subscriber.first(lambda _, payload: payload == probe)
            time.sleep(0.2)  # what is left to be acknowledged counts too
            used_us = (cpu_s(pid) - cpu) * 1e6 / count
        return used_us, count / (seen_at - sent["started_at"])

    def steady_ms(self, customer: str, count: int) -> list[float]:
        """Send at a steady rate; return how long each message took to its retained topic."""
        with Subscriber(self._broker.port, self._topics[customer], is_live=True) as subscriber:
            sent = self._bmw.ask("send", to=customer, count=count, per_second=STEADY_PER_S)
            first = sent["probe"] - count + 1
            last = str(sent["probe"]).encode()
            subscriber.first(lambda _, payload: payload == last)
            seen = {int(payload): at for at, _, payload in reversed(subscriber.seen)}
        latencies_ms = []
        shown_at = seen[sent["probe"]]
        for number, sent_at in reversed(list(enumerate(sent["sent_at"]))):
            # What a newer value has overtaken was there with that one.
            shown_at = min(shown_at, seen.get(first + number, shown_at))
            latencies_ms.append((shown_at - sent_at) * 1000)
        return latencies_ms

    def burst(self, count: int) -> dict[str, float]:
        """Send very many at once; watch memory and the page meanwhile."""
        watch = _Watch(self.bridge.pid, self.page_port)
        self.flood("bridge", count)
        return watch.stop()

    def mismatches(self) -> int:
        """Return how many values on the broker are not the last ones sent."""
        last = self._bmw.ask("last", to="bridge")
        wanted = {
            f"bmw2mqtt/{vin}/sensor/vehicle_avg_speed": value
            for (vin, name), value in ((key.split(" "), v) for key, v in last.items())
            if name == SPEED
        }
        with Subscriber(self._broker.port) as subscriber:
            subscriber.rest()
            seen: dict[str, Any] = subscriber.current()
        return sum(float(seen.get(topic, b"nan")) != value for topic, value in wanted.items())


class _Watch:
    """Looks at the bridge's memory and health again and again."""

    def __init__(self, pid: int, page_port: int) -> None:
        self._pid = pid
        self._page_port = page_port
        self._answers_ms: list[float] = []
        self._health_ms()  # the first look at the page imports it
        time.sleep(1)
        self._before = self._most = rss_mib(pid)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> dict[str, float]:
        self._stopped.set()
        self._thread.join()
        return {"memory_mib": self._most - self._before, "health_ms": max(self._answers_ms)}

    def _watch(self) -> None:
        while not self._stopped.wait(0.01):
            self._most = max(self._most, rss_mib(self._pid))
            self._answers_ms.append(self._health_ms())

    def _health_ms(self) -> float:
        started = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self._page_port, timeout=10)
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        connection.close()
        return (time.monotonic() - started) * 1000


def measure(directory: Path, *, quick: bool) -> Lines:
    load = QUICK if quick else FULL
    for cars in load.cars:
        with ExitStack() as stack:
            yield from _measure(Run(directory, cars, stack), cars, load)


def _measure(run: Run, cars: int, load: StreamLoad) -> Lines:
    what = f"stream, {cars} car{'s' if cars > 1 else ''}"
    for customer in ("bridge", "floor"):
        run.flood(customer, load.messages)
    pairs = [
        (run.flood("bridge", load.messages), run.flood("floor", load.messages))
        for _ in range(load.blocks)
    ]
    yield Figure(
        what=f"{what}: CPU for a message",
        ours=[ours[0] for ours, _ in pairs],
        floor=[floor[0] for _, floor in pairs],
        unit="µs",
        bound=0.25,
        floor_name=FLOOR,
    )
    yield Figure(
        what=f"{what}: messages in a second",
        ours=[ours[1] for ours, _ in pairs],
        floor=[floor[1] for _, floor in pairs],
        unit="/s",
        at_least=1.3,
        floor_name=FLOOR,
    )
    steady = {name: run.steady_ms(name, load.steady) for name in ("bridge", "floor")}
    bound_ms = 2 * statistics.median(steady["floor"]) + 5
    p99_ms = statistics.quantiles(steady["bridge"], n=100)[98]
    yield Note(
        f"{what}: at {STEADY_PER_S}/s p50 {statistics.median(steady['bridge']):.1f} ms,"
        f" p99 {p99_ms:.1f} ms, bound {bound_ms:.1f} ms (twice the loop's p50 + 5 ms)"
        f" {'ok' if p99_ms <= bound_ms else 'over'}"
    )
    burst = run.burst(load.burst)
    yield Note(
        f"{what}: burst of {load.burst}: {run.mismatches()} last values wrong, memory"
        f" {burst['memory_mib']:+.1f} MiB (≤ 5),"
        f" /healthz within {burst['health_ms']:.0f} ms (≤ 100)"
    )


def measure_growth(directory: Path, *, quick: bool) -> Lines:
    """Send a million messages; memory must not grow."""
    many = QUICK.many if quick else FULL.many
    with ExitStack() as stack:
        run = Run(directory, 1, stack)
        run.flood("bridge", many // 10)
        early = rss_mib(run.bridge.pid)
        for _ in range(9):
            run.flood("bridge", many // 10)
        late = rss_mib(run.bridge.pid)
    yield Note(f"after {many // 10:,} messages {early:.1f} MiB, after {many:,} {late:.1f} MiB")
