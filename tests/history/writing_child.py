"""A process that writes trips as fast as it can, says which are written, and is killed."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from bmw2mqtt.history.database import HistoryDatabase
from bmw2mqtt.history.writer import HistoryWriter
from tests.history.samples import simulated_year


async def main(path: Path) -> None:
    writer = HistoryWriter(HistoryDatabase(path))
    await writer.open()
    for number, trip in enumerate(simulated_year(1, 20_000).trips, start=1):
        writer.put(replace(trip, key=number))  # so many trips a day begin at the same time
        await writer.flush()
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


asyncio.run(main(Path(sys.argv[1])))
