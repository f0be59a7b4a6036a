"""The commands that are run often: the health check in a container, the version."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Figure, Lines, in_turn
from benchmarks.processes import CONSOLE_SCRIPT, PYTHON
from bmw2mqtt.health import Heartbeat

BLOCKS = 15


def measure(directory: Path, *, quick: bool) -> Lines:
    Heartbeat(directory).beat(is_connected=True)
    config = directory / "config.yaml"
    config.write_text(f"data_dir: {directory}\n")

    def run(*command: str) -> Callable[[], float]:
        def measure() -> float:
            started = time.monotonic()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            return (time.monotonic() - started) * 1000

        return measure

    check, from_option, version, floor = in_turn(
        run(CONSOLE_SCRIPT, "healthcheck", "--config", str(config)),
        run(CONSOLE_SCRIPT, "healthcheck", "--option", f"data_dir={directory}"),
        run(CONSOLE_SCRIPT, "--version"),
        run(PYTHON, "-c", "pass"),
        blocks=1 if quick else BLOCKS,
    )
    for what, ours in (
        ("bmw2mqtt healthcheck", check),
        ("bmw2mqtt healthcheck, data_dir given", from_option),
        ("bmw2mqtt --version", version),
    ):
        yield Figure(what=what, ours=ours, floor=floor, bound=5, floor_name="python -c pass")
