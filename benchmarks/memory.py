"""Resident memory with nine cars, and whether it grows from poll to poll."""

import time
from pathlib import Path

from benchmarks.figures import BLOCKS, Figure, Lines, Note
from benchmarks.processes import (
    PYTHON,
    Bmw,
    Broker,
    Child,
    Process,
    daemon,
    rss_mib,
    write_config,
)

POLLS = 20
MANY_POLLS = 1000
SETTLE_S = 5
LIBRARY = "floors.library_polls"


def measure(directory: Path, *, quick: bool) -> Lines:
    blocks, polls, many_polls = (1, 2, 4) if quick else (BLOCKS, POLLS, MANY_POLLS)
    with Broker(directory) as broker, Bmw(directory) as bmw:
        ours, floor, lean, empty = [], [], [], []
        nothing = ("-m", "benchmarks.floors.empty_daemon", str(broker.port), "floor/online", "all")
        for block in range(blocks):
            config = write_config(directory / f"daemon{block}", broker.port, bmw, poll_interval=1)
            with (
                daemon(directory, config) as bridge,
                Child(directory, LIBRARY, bmw.server, bmw.ca_file, "as-it-comes") as library,
                Child(directory, LIBRARY, bmw.server, bmw.ca_file) as lean_library,
                Process(directory, PYTHON, *nothing) as daemon_of_nothing,
            ):
                library.ask("poll", times=polls)
                lean_library.ask("poll", times=polls)
                time.sleep(1 if quick else SETTLE_S)  # the bridge polls every second meanwhile
                ours.append(rss_mib(bridge.pid))
                floor.append(rss_mib(library.pid))
                lean.append(rss_mib(lean_library.pid))
                empty.append(rss_mib(daemon_of_nothing.pid))
                bridge.stop()
        yield Figure(
            what="memory, nine cars, after some polls",
            ours=ours,
            floor=floor,
            unit="MiB",
            bound=1.25,
            floor_name="bimmer_connected alone",
        )
        yield Figure(
            what="",
            ours=ours,
            floor=lean,
            unit="MiB",
            floor_name="bimmer_connected alone, given one SSLContext",
        )
        yield Figure(
            what="",
            ours=ours,
            floor=empty,
            unit="MiB",
            floor_name="empty daemon, all libraries, never polled",
        )
        config = write_config(directory / "bridge", broker.port, bmw)
        with Child(directory, "drivers.bridge", config) as bridge:
            bridge.ask("poll", times=polls - 1)
            early = rss_mib(bridge.pid)
            bridge.ask("poll", times=many_polls - polls)
            late = rss_mib(bridge.pid)
    yield Note(
        f"after poll {polls}: {early:.1f} MiB, after poll {many_polls}: {late:.1f} MiB"
        " (one after the other in the bridge's own process)"
    )
