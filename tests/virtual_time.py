"""An event loop in which hours pass in a moment, while sockets work as ever.

Whenever nothing is ready and nobody waits for the network or a thread, the clock is set to the next
timer. The wall clock (`datetime.now`) follows, by time-machine.
"""

import asyncio
import selectors
import socket
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine

MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)
GRACE_S = 0.015
"""How long bytes may be on their way from one socket of this machine to another."""
AT_REST = 2
"""Files the loop watches when nobody talks: its own waker, and a server that listens."""


class _Selector(selectors.DefaultSelector):  # type: ignore[valid-type,misc]
    """Waits for no timer, only for the network."""

    def __init__(self, on_idle: Callable[[float], None]) -> None:
        super().__init__()
        self._on_idle = on_idle
        self.is_awaited: Callable[[], bool] = lambda: False

    def select(self, timeout: float | None = None) -> Any:
        if timeout == 0:
            return super().select(0)
        while not (ready := super().select(self._grace_s())):
            if not self.is_awaited() and timeout is not None:
                self._on_idle(timeout)
                break
        return ready

    def _grace_s(self) -> float:
        return GRACE_S if self.is_awaited() or len(self.get_map()) > AT_REST else 0


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock is set forward instead of waited for."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self._traveller = traveller
        self._now_s = 0.0
        self._threads = 0
        self.names = {"localhost"}
        """What can be looked up."""
        selector = _Selector(self._pass)
        selector.is_awaited = lambda: self._threads > 0
        super().__init__(selector)

    def time(self) -> float:
        return self._now_s

    def _pass(self, seconds: float) -> None:
        self._now_s += seconds
        self._traveller.move_to(MIDNIGHT + timedelta(seconds=self._now_s), tick=False)

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        """Look a name up; a real resolver may take its time over what it cannot find."""
        name = host.decode() if isinstance(host, bytes) else host
        if name not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, f"{name}: name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(port)))]

    def run_in_executor(self, *args: Any) -> Any:
        """Let no time pass while a thread works."""
        future = super().run_in_executor(*args)
        self._threads += 1
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _: object) -> None:
        self._threads -= 1


def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine in virtual time that begins at `MIDNIGHT`."""
    with (
        time_machine.travel(MIDNIGHT, tick=False) as traveller,
        asyncio.Runner(loop_factory=lambda: VirtualLoop(traveller)) as runner,
    ):
        return runner.run(main())
