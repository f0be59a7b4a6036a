"""Background writer: does what may block on a disk in a thread, in the order of the calls."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import structlog

Result = TypeVar("Result")

FLUSH_S = 2.0
"""How long a disk may take; a stop must be over in five seconds."""

log = structlog.get_logger(__name__)


class BackgroundWriter:
    """One thread for everything in one `data_dir`, so that writes keep their order.

    Where no event loop runs (a command on the terminal, a thread that starts an account) the work
    is done at once.
    """

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None
        self._is_slow = False
        self._pending: set[asyncio.Future[Any]] = set()

    def submit(self, work: Callable[[], Result], done: Callable[[Result], None]) -> None:
        """Do `work` later, then call `done` with its result in the event loop.

        Args:
            work: must not raise; it runs in the thread.
            done: called soon, or before this returns where no loop runs.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            done(work())
            return
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="writer")
        future = loop.run_in_executor(self._executor, work)
        self._pending.add(future)

        def finished(future: asyncio.Future[Result]) -> None:
            self._pending.discard(future)
            if future.cancelled():
                return
            if error := future.exception():
                log.error("bug", exc_info=error, remedy="please report this")
            else:
                done(future.result())

        future.add_done_callback(finished)

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do `work` after what was submitted before, and return its result or raise its error."""
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

        def guarded() -> tuple[Result | None, Exception | None]:
            try:
                return work(), None
            except Exception as error:  # noqa: BLE001 - raised where it is awaited
                return None, error

        def done(outcome: tuple[Any, Exception | None]) -> None:
            if result.done():
                return  # nobody waits any more
            if outcome[1] is not None:
                result.set_exception(outcome[1])
            else:
                result.set_result(outcome[0])

        self.submit(guarded, done)
        return await result

    async def flushed(self) -> None:
        """Wait until everything submitted so far is done, `FLUSH_S` seconds at most.

        Cancelling the caller does not cancel the work.
        """
        loop = asyncio.get_running_loop()
        if mine := [future for future in self._pending if future.get_loop() is loop]:
            _, late = await asyncio.wait(mine, timeout=FLUSH_S)
            if late and not self._is_slow:
                log.error(
                    "data_dir_is_slow",
                    seconds=FLUSH_S,
                    remedy="check the disk; the newest data may be lost at a restart",
                )
            self._is_slow = bool(late)
        await asyncio.sleep(0)  # let the `done` callbacks run first

    def close(self) -> None:
        """End the thread once its work is done; do not wait for a disk that hangs."""
        if self._executor is not None:
            self._executor.shutdown(wait=False)
            self._executor = None
