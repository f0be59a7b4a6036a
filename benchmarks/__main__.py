"""`python -m benchmarks [NAME…]`."""

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks import (
    command,
    command_line,
    history,
    idle,
    machine,
    memory,
    page,
    poll,
    publish,
    restart,
    start,
    stream,
)
from benchmarks.figures import HEADER, Measure

SUBJECTS: dict[str, Measure] = {
    "start": start.measure,
    "command_line": command_line.measure,
    "poll": poll.measure,
    "command": command.measure,
    "publish": publish.measure,
    "restart": restart.measure,
    "idle": idle.measure,
    "memory": memory.measure,
    "stream": stream.measure,
    "stream_growth": stream.measure_growth,
    "history": history.measure,
    "page": page.measure,
}


def main() -> None:
    """Measure what was asked for, and print each figure as soon as it is known."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SUBJECTS)}")
    parser.add_argument("--quick", action="store_true", help="see that it runs, in seconds")
    options = parser.parse_args()
    names = options.names or list(SUBJECTS)
    if unknown := set(names) - SUBJECTS.keys():
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    print(HEADER)
    for name in names:
        started = time.monotonic()
        print(name, flush=True)
        with tempfile.TemporaryDirectory(prefix="bmw2mqtt-benchmark-") as directory:
            for line in SUBJECTS[name](Path(directory), quick=options.quick):
                print(line, flush=True)
        print(f"  ({time.monotonic() - started:.0f} s)", flush=True)
    print("machine")
    for line in machine.describe():
        print(line)


if __name__ == "__main__":
    main()
