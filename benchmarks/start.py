"""From the start of the process to `online` on the broker, and to the first car."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Figure, Lines, in_turn
from benchmarks.processes import PYTHON, Bmw, Broker, Process, daemon, write_config
from benchmarks.subscriber import Subscriber

ONLINE = "bmw2mqtt/bridge/availability"
BLOCKS = 7


def measure(directory: Path, *, quick: bool) -> Lines:
    with Broker(directory) as broker, Bmw(directory) as bmw:
        config = write_config(directory / "bridge", broker.port, bmw, poll_interval=300)
        data, data_after_login = directory / "bridge" / "data", directory / "data_after_login"
        car_ms: list[float] = []

        def ours() -> float:
            if data_after_login.exists():  # many starts in a row would delay the first poll
                shutil.rmtree(data)
                shutil.copytree(data_after_login, data)
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
        shutil.copytree(data, data_after_login)
        car_ms.clear()
        ours_ms, all_ms, mqtt_ms = in_turn(
            ours, floor("all"), floor("mqtt"), blocks=1 if quick else BLOCKS
        )
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
