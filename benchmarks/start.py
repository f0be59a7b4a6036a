"""From the start of the process to `online` on the broker, and to the first car."""

import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Figure, Lines, in_turn
from benchmarks.processes import PYTHON, Bmw, Broker, Process, daemon, write_config
from benchmarks.subscriber import Subscriber

ONLINE = "bmw2mqtt/bridge/availability"


def measure(directory: Path) -> Lines:
    with Broker(directory) as broker, Bmw(directory) as bmw:
        config = write_config(directory / "bridge", broker.port, bmw, poll_interval=300)
        car_ms: list[float] = []

        def ours() -> float:
            bmw.ask("requests")
            with Subscriber(broker.port, is_live=True) as subscriber:
                started = time.monotonic()
                with daemon(directory, config) as process:
                    online = subscriber.first(_is_online)
                    shown = subscriber.first(_is_state)
                    vin = next(t.split("/")[1] for at, t, _ in subscriber.seen if at == shown)
                    answered = [
                        at
                        for _, v, at in bmw.ask("requests")["requests"]
                        if v == vin and at < shown
                    ]
                    car_ms.append((shown - answered[-1]) * 1000)
                    process.stop()
            return (online - started) * 1000

        def floor(libraries: str) -> Callable[[], float]:
            module = ("-m", "benchmarks.floors.empty_daemon")

            def start() -> float:
                arguments = (str(broker.port), "floor/online", libraries)
                with Subscriber(broker.port, "floor/online", is_live=True) as subscriber:
                    started = time.monotonic()
                    with Process(directory, PYTHON, *module, *arguments):
                        online = subscriber.first(lambda _, payload: payload == b"online")
                return (online - started) * 1000

            return start

        in_turn(ours, floor("all"), blocks=1)  # files come into the cache, the login is made
        car_ms.clear()
        ours_ms, all_ms, mqtt_ms = in_turn(ours, floor("all"), floor("mqtt"), blocks=7)
    yield Figure(
        what="start to online",
        ours=ours_ms,
        floor=all_ms,
        bound=1.15,
        floor_name="empty daemon, all libraries",
    )
    yield Figure(what="", ours=ours_ms, floor=mqtt_ms, floor_name="empty daemon, aiomqtt alone")
    yield Figure(what="BMW asked to a car's first state seen", ours=car_ms)


def _is_online(topic: str, payload: bytes) -> bool:
    return topic == ONLINE and payload == b"online"


def _is_state(topic: str, _: bytes) -> bool:
    return topic.startswith("bmw2mqtt/") and topic.split("/")[2] == "sensor"
