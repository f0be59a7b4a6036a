"""The broker was restarted and has forgotten everything: until a subscriber has it again."""

import pickle
from collections.abc import Callable, Collection
from contextlib import ExitStack
from pathlib import Path

from benchmarks.figures import BLOCKS, Figure, Lines, in_turn
from benchmarks.processes import Bmw, Broker, Child, write_config
from benchmarks.subscriber import Subscriber


def measure(directory: Path, *, quick: bool) -> Lines:
    for cars in (2,) if quick else (10, 100):
        yield _measure(directory, cars, blocks=1 if quick else BLOCKS)


def _measure(directory: Path, cars: int, *, blocks: int) -> Figure:
    with ExitStack() as stack:
        ours_broker = stack.enter_context(Broker(directory))
        floor_broker = stack.enter_context(Broker(directory))
        bmw = stack.enter_context(Bmw(directory, cars))
        config = write_config(directory / f"bridge{cars}", ours_broker.port, bmw)
        bridge = stack.enter_context(Child(directory, "drivers.bridge", config))
        with Subscriber(ours_broker.port) as subscriber:
            subscriber.rest()
            messages = subscriber.current()
        file = directory / f"messages{cars}"
        file.write_bytes(pickle.dumps(list(messages.items())))
        floor = stack.enter_context(Child(directory, "floors.publish", floor_broker.port, file, 20))
        ours_ms, floor_ms = in_turn(
            _restart(ours_broker, bridge, messages),
            _restart(floor_broker, floor, messages),
            blocks=blocks,
        )
    return Figure(
        what=f"{cars} cars ({len(messages)} topics) after a restart",
        ours=ours_ms,
        floor=floor_ms,
        bound=1.3,
        floor_name="bare aiomqtt, 20 in flight",
    )


def _restart(broker: Broker, child: Child, topics: Collection[str]) -> Callable[[], float]:
    def measure() -> float:
        broker.kill()
        broker.start()
        with Subscriber(broker.port) as subscriber:
            complete = subscriber.complete(topics)
        connected: float = child.ask("status")["connected_at"]
        return (complete - connected) * 1000

    return measure
