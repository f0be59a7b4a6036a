"""From the PUBLISH of a command to its request at BMW: at rest, and while nine cars are polled."""

import re
import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.commander import Commander
from benchmarks.figures import Figure, Lines, Note
from benchmarks.floors.commands import DONE, TOPIC
from benchmarks.processes import Bmw, Broker, Child, write_config
from benchmarks.subscriber import Subscriber


@dataclass(frozen=True, slots=True)
class CommandLoad:
    """How much is sent."""

    repeats: int
    blocks: int
    """In a repeat; percentiles are of all blocks of it."""
    commands: int
    """In a block."""
    cars: int | None
    """That are locked to count requests; `None`: all."""


FULL = CommandLoad(3, 5, 40, cars=None)
QUICK = CommandLoad(1, 1, 2, cars=1)
FLOOR = "bare aiomqtt and bimmer_connected"

Send = Callable[[], list[float]]


def measure(directory: Path, *, quick: bool) -> Lines:
    load = QUICK if quick else FULL
    with ExitStack() as stack:
        broker = stack.enter_context(Broker(directory))
        bmw = stack.enter_context(Bmw(directory))
        config = write_config(directory / "bridge", broker.port, bmw)
        bridge = stack.enter_context(Child(directory, "drivers.bridge", config))
        bridge.ask("follow_at_once")
        with Subscriber(broker.port) as subscriber:
            subscriber.rest()
            told = tuple(subscriber.current().values())
        cars = [_car(topic) for topic in _command_topics(told, "lock/lock/set")][: load.cars]
        topic = _command_topics(told, "button/light_flash/press")[0]
        arguments = (broker.port, bmw.server, bmw.ca_file, _car(topic).rpartition("/")[2])
        floor = stack.enter_context(Child(directory, "floors.commands", *arguments))
        to_bridge = stack.enter_context(
            Commander(broker.port, topic, f"{_car(topic)}/event/command")
        )
        to_floor = stack.enter_context(Commander(broker.port, TOPIC, DONE))

        def at_rest(commander: Commander) -> Send:
            return lambda: _latencies_ms(bmw, commander, load.commands)

        def during_polls(child: Child, commander: Commander) -> Send:
            def measure() -> list[float]:
                child.ask("start_polling")
                try:
                    return _latencies_ms(bmw, commander, load.commands)
                finally:
                    child.ask("stop_polling")

            return measure

        ours, theirs = _repeated(load, at_rest(to_bridge), at_rest(to_floor))
        yield _figure("command to BMW, p50", ours, theirs, 50, bound=1.2)
        yield _figure("command to BMW, p99", ours, theirs, 99, bound=1.5)
        ours, theirs = _repeated(
            load, during_polls(bridge, to_bridge), during_polls(floor, to_floor)
        )
        yield _figure("command to BMW during polls, p50", ours, theirs, 50)
        yield _figure("command to BMW during polls, p99", ours, theirs, 99, bound=1.5)
        most = max(_refresh_requests(broker, bmw, car) for car in cars)
        yield Note(f"requests to refresh the one car: {most} at most, of {len(cars)} cars")


def _command_topics(payloads: Sequence[bytes], ending: str) -> list[str]:
    """Return the command topics that discovery tells."""
    wanted = re.compile(rf'"([^"]+/{ending})"')
    return sorted({topic for p in payloads for topic in wanted.findall(p.decode(errors="replace"))})


def _car(topic: str) -> str:
    """Return what all topics of a car begin with."""
    return "/".join(topic.split("/")[:-3])


def _latencies_ms(bmw: Bmw, commander: Commander, commands: int) -> list[float]:
    """Send a block of commands; return how long each took to BMW."""
    bmw.ask("requests")
    sent = [commander.send("PRESS") for _ in range(commands)]
    requests = bmw.ask("requests")["requests"]
    received = [at for path, _, at in requests if path.endswith("/light-flash")]
    return [(to - since) * 1000 for since, to in zip(sent, received, strict=True)]


def _repeated(load: CommandLoad, *sends: Send) -> list[list[list[float]]]:
    """Send block by block in turn; return for each what came together in each repeat."""
    for send in sends:
        send()  # the first ones warm up
    results: list[list[list[float]]] = [[] for _ in sends]
    for _ in range(load.repeats):
        pools: list[list[float]] = [[] for _ in sends]
        for _ in range(load.blocks):
            for send, pool in zip(sends, pools, strict=True):
                pool.extend(send())
        for pool, result in zip(pools, results, strict=True):
            result.append(pool)
    return results


def _figure(
    what: str,
    ours: Sequence[Sequence[float]],
    floor: Sequence[Sequence[float]],
    percent: int,
    *,
    bound: float | None = None,
) -> Figure:
    return Figure(
        what=what,
        ours=[_percentile(pool, percent) for pool in ours],
        floor=[_percentile(pool, percent) for pool in floor],
        bound=bound,
        floor_name=FLOOR,
    )


def _percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _refresh_requests(broker: Broker, bmw: Bmw, car: str) -> int:
    """Lock a car; count the requests that are not about the command itself."""
    with (
        Subscriber(broker.port, f"{car}/#", is_live=True) as subscriber,
        Commander(broker.port, f"{car}/lock/lock/set", f"{car}/event/command") as commander,
    ):
        bmw.ask("requests")
        commander.send("LOCK")
        subscriber.rest()
    paths = [path for path, _, _ in bmw.ask("requests")["requests"]]
    return sum("/remote-commands/" not in path for path in paths)
