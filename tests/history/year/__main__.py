"""`python -m tests.history.year`: a whole year of a car; part of `make soak`."""

import argparse
import random
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from tests.history.year.car import BEGIN, YearlyCar
from tests.history.year.checks import check
from tests.history.year.recording import RecordedYear


def main() -> None:
    """Let a car live and compare; BMW's own record of charges is read from the middle on."""
    parser = argparse.ArgumentParser(prog="python -m tests.history.year", description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    print(f"recorded year: seed {seed}, {given.days} days", flush=True)  # noqa: T201
    began_s = time.process_time()
    with tempfile.TemporaryDirectory(prefix="bmw2mqtt-year-") as folder:
        middle = BEGIN + timedelta(days=given.days // 2)
        year = RecordedYear(YearlyCar(seed, given.days), Path(folder), records_from=middle)
        year.run()
        figures = check(year)
    print(*figures, f"{time.process_time() - began_s:.0f} s of CPU", sep="\n")  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
