#!/usr/bin/env python3
"""Runs `make test` again and again and prints a table: do the tests pass every time?

    repeat_tests.py                               five times in peace, five beside busy processors
    repeat_tests.py --peace 0 --busy 0 --python python3.12 --python python3.14
    repeat_tests.py --run 'ssh pi make -C bmw2mqtt test'

`make` installs what it needs first, outside the measured time. The output of each run is kept.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BURNERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the tests."""

    name: str
    command: Sequence[str]
    prepare: Sequence[str] = ()
    """What is done first and not measured."""
    is_beside_burners: bool = False


@contextmanager
def burners(count: int) -> Iterator[None]:
    """Let so many processes do nothing as fast as they can."""
    command = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def carry_out(run: Run, log: Path) -> bool:
    """Run the tests, print one line of the table; return whether they passed."""
    with log.open("wb") as output:
        if run.prepare:
            subprocess.run(run.prepare, cwd=ROOT, check=False, stdout=output, stderr=output)
        started = time.monotonic()
        with burners(BURNERS if run.is_beside_burners else 0):
            done = subprocess.run(run.command, cwd=ROOT, check=False, stdout=output, stderr=output)
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    text = log.read_text(errors="replace")
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", text, re.MULTILINE)
    counts = re.findall(r"^=* ?(\d+ (?:passed|failed).*?) in \d", text, re.MULTILINE)
    verdict = "passed" if done.returncode == 0 else "FAILED"
    told = counts[-1] if counts else f"exit status {done.returncode}"
    print(f"{run.name:<28} {verdict}  {minutes:>2}:{seconds:02}  {told}  {log}", flush=True)
    for test in failed:
        print(f"{'':<28} {test}", flush=True)
    return done.returncode == 0


def main() -> int:
    """Run everything that was asked for; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peace", type=int, default=5, metavar="N", help="runs in peace")
    parser.add_argument("--busy", type=int, default=5, metavar="N", help="runs beside burners")
    parser.add_argument("--python", action="append", default=[], help="one run with another Python")
    parser.add_argument("--run", action="append", default=[], help="one run of another command")
    options = parser.parse_args()
    test, prepare = ("make", "test"), ("make", "prepare")
    runs = [
        Run(name=f"in peace {n + 1}", command=test, prepare=prepare) for n in range(options.peace)
    ]
    runs += [
        Run(name=f"busy {n + 1}", command=test, prepare=prepare, is_beside_burners=True)
        for n in range(options.busy)
    ]
    for python in options.python:
        name = Path(python).name
        chosen = f"PYTHON={python}"
        runs.append(Run(name=name, command=(*test, chosen), prepare=(*prepare, chosen)))
    runs += [Run(name=command[:28], command=("sh", "-c", command)) for command in options.run]
    logs = Path(tempfile.mkdtemp(prefix="bmw2mqtt-tests-"))
    passed = sum(carry_out(run, logs / f"{n + 1}.log") for n, run in enumerate(runs))
    print(f"{passed} of {len(runs)} passed")
    return 0 if passed == len(runs) else 1


if __name__ == "__main__":
    sys.exit(main())
