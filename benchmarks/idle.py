"""CPU time while nothing happens: pairs of daemons side by side over the same time."""

import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.figures import BLOCKS, Figure, Lines
from benchmarks.processes import PYTHON, Bmw, Broker, Process, cpu_s, daemon, write_config
from benchmarks.subscriber import Subscriber

FIRST_POLL_S = 10
WINDOW_S = 40
"""Two heartbeats, and perhaps one look at whether cars are current."""


def measure(directory: Path, *, quick: bool) -> Lines:
    blocks, first_poll_s, window_s = (1, 0.1, 1.5) if quick else (BLOCKS, FIRST_POLL_S, WINDOW_S)
    with ExitStack() as stack:
        bmw = stack.enter_context(Bmw(directory))
        ours, floor = [], []
        for number in range(blocks):
            broker = stack.enter_context(Broker(directory))
            config = write_config(
                directory / f"daemon{number}", broker.port, bmw, poll_interval=3600
            )
            ours.append(stack.enter_context(daemon(directory, config)))
            arguments = (str(broker.port), "floor/online", "mqtt")
            module = ("-m", "benchmarks.floors.empty_daemon")
            floor.append(stack.enter_context(Process(directory, PYTHON, *module, *arguments)))
            with Subscriber(broker.port, "bmw2mqtt/account/home/sensor/status") as subscriber:
                subscriber.first(lambda _, payload: payload == b"ok")
        time.sleep(first_poll_s)  # libraries tidy up
        processes = [*ours, *floor]
        before = [cpu_s(process.pid) for process in processes]
        time.sleep(window_s)
        used = [
            (cpu_s(process.pid) - start) / window_s * 1000
            for process, start in zip(processes, before, strict=True)
        ]
    yield Figure(
        what="CPU a second while nothing happens",
        ours=used[:blocks],
        floor=used[blocks:],
        bound=1.5,
        floor_name="empty aiomqtt daemon",
    )
