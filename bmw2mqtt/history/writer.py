"""The writer: records go through one thread, in batches; trouble never reaches the caller.

A record is in the file at most `BATCH_S` after `put`, which a killed process survives, and on the
disk at most `CHECKPOINT_S` later, which a power failure survives.
"""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import structlog

from bmw2mqtt.history.database import HistoryDatabase
from bmw2mqtt.history.errors import HistoryError, HistoryTooNew
from bmw2mqtt.history.records import Record, identity

log = structlog.get_logger(__name__)

T = TypeVar("T")

BATCH_S: Final = 10
CHECKPOINT_S: Final = 60
"""At most one wait for the disk in this time: SD cards wear out."""
RETRY_S: Final = 60
"""After a failure, for example a full disk."""
MOST_WAITING: Final = 5000
"""Records that may wait for a disk that is full; beyond it the oldest go."""


class HistoryWriter:
    """Writes records in the background."""

    def __init__(
        self,
        database: HistoryDatabase,
        *,
        batch_s: float = BATCH_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._batch_s = batch_s
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="history")
        self._waiting: dict[object, Record] = {}
        self._has_news = asyncio.Event()
        self._is_failing = False
        self._checkpoint_at: float | None = None

    async def open(self) -> bool:
        """Open the file; log why if it cannot be used, and try again with each batch.

        Raises:
            HistoryTooNew: A newer version wrote it: nothing is written into it.
        """
        try:
            await self._in_thread(self._database.open)
        except HistoryTooNew:
            raise
        except HistoryError as error:
            self._complain(error)
            return False
        return True

    def put(self, *records: Record) -> None:
        """Have records written soon; a newer version of a waiting one takes its place."""
        for record in records:
            key = identity(record)
            self._waiting.pop(key, None)
            self._waiting[key] = record
        while len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._has_news.set()

    async def run(self) -> None:
        """Write what was put, until cancelled; then write the rest and close the file."""
        try:
            while True:
                await self._wait()
                ok = await self.flush()
                if not ok:
                    await asyncio.sleep(RETRY_S)
        finally:
            await self._close()

    async def flush(self) -> bool:
        """Write what waits now; return whether nothing waits any more."""
        self._has_news.clear()
        if not self._waiting:
            return True
        batch, self._waiting = self._waiting, {}
        try:
            if not self._database.is_open:
                await self._in_thread(self._database.open)
            await self._in_thread(self._write, list(batch.values()))
        except HistoryError as error:
            self._waiting = batch | self._waiting  # what came meanwhile is newer
            self._complain(error)
            return False
        if self._is_failing:
            self._is_failing = False
            log.info("history_saved_again", file=str(self._database.path))
        return True

    async def call(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function on the open file in its thread, after everything that waits.

        Raises:
            HistoryError: The file cannot be used.
        """
        await self.flush()
        try:
            return await self._in_thread(lambda: function(self._database.connection))
        except sqlite3.Error as error:
            raise HistoryError(f"{self._database.path}: {error}") from error

    async def _wait(self) -> None:
        """Wait for news and collect it for a while; meanwhile what is written gets to the disk."""
        while not self._has_news.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._until_checkpoint()):
                    await self._has_news.wait()
            if self._checkpoint_at is not None and self._clock() >= self._checkpoint_at:
                self._checkpoint_at = None
                with contextlib.suppress(HistoryError):
                    await self._in_thread(self._database.checkpoint)
        await asyncio.sleep(self._batch_s)

    def _until_checkpoint(self) -> float | None:
        return None if self._checkpoint_at is None else self._checkpoint_at - self._clock()

    def _write(self, records: Iterable[Record]) -> None:
        self._database.write(records)
        now = self._clock()
        if self._checkpoint_at is None:
            self._checkpoint_at = now + CHECKPOINT_S
        elif now >= self._checkpoint_at:
            self._database.checkpoint()
            self._checkpoint_at = now + CHECKPOINT_S

    async def _in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        loop = asyncio.get_running_loop()
        # Shielded: a cancel would take what waits for the thread out of its queue, and lose it.
        return await asyncio.shield(loop.run_in_executor(self._thread, function, *arguments))

    async def _close(self) -> None:
        try:
            await asyncio.shield(self.flush())
            await asyncio.shield(self._in_thread(self._database.close))
        finally:
            self._thread.shutdown(wait=False)

    def _complain(self, error: HistoryError) -> None:
        if not self._is_failing:
            self._is_failing = True
            log.error(
                "history_not_saved",
                reason=str(error),
                remedy="make room, or let the bridge write there; it tries again by itself",
            )
