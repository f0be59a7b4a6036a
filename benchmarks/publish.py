"""One car with its discovery, until a subscriber has everything."""

import pickle
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Figure, Lines, Note, in_turn
from benchmarks.processes import Bmw, Broker, Child, write_config
from benchmarks.subscriber import Subscriber

BLOCKS = 15


def measure(directory: Path, *, quick: bool) -> Lines:
    with Broker(directory) as broker, Bmw(directory, 1) as bmw:
        config = write_config(directory / "bridge", broker.port, bmw)
        file = directory / "messages"
        with Child(directory, "drivers.bridge", config) as bridge:
            with Subscriber(broker.port) as subscriber:
                subscriber.rest()
                messages = {t: p for t, p in subscriber.current().items() if "account" not in t}
            file.write_bytes(pickle.dumps(list(messages.items())))
            with (
                Child(directory, "floors.publish", broker.port, file, 20) as many,
                Child(directory, "floors.publish", broker.port, file, 1) as single,
            ):
                car = [topic for topic in messages if "bridge" not in topic]

                def seen(child: Child, clear: str, publish: str) -> Callable[[], float]:
                    def measure() -> float:
                        child.ask(clear)
                        with Subscriber(broker.port) as subscriber:
                            subscriber.rest(0.1)
                            subscriber.seen.clear()
                            started: float = child.ask(publish)["started_at"]
                            return (subscriber.complete(car) - started) * 1000

                    return measure

                ours, floor_20, floor_1 = in_turn(
                    seen(bridge, "take_cars_away", "bring_cars_back"),
                    seen(many, "clear", "publish"),
                    seen(single, "clear", "publish"),
                    blocks=1 if quick else BLOCKS,
                )
            status = bridge.ask("status")
    what = f"a new car, {len(car)} topics, seen"
    yield Figure(
        what=what, ours=ours, floor=floor_20, bound=1.25, floor_name="bare aiomqtt, 20 in flight"
    )
    yield Figure(
        what=what, ours=ours, floor=floor_1, bound=0.6, floor_name="bare aiomqtt, one by one"
    )
    discovery = max(len(payload) for topic, payload in messages.items() if "config" in topic)
    total = sum(map(len, messages.values()))
    yield Note(
        f"discovery {discovery / 1000:.0f} kB, all {total / 1000:.0f} kB;"
        f" most in flight {status['most_in_flight']},"
        f" the broker's Receive Maximum {status['receive_maximum']}"
    )
