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
_MIDNIGHT_S = MIDNIGHT.timestamp()
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
        self.grace_s = GRACE_S

    def select(self, timeout: float | None = None) -> Any:
        if timeout == 0:
            return super().select(0)
        while not (ready := super().select(self._grace_s())):
            if not self.is_awaited() and timeout is not None:
                self._on_idle(timeout)
                break
        return ready

    def _grace_s(self) -> float:
        if self.is_awaited():
            return GRACE_S
        return self.grace_s if len(self.get_map()) > AT_REST else 0


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock is set forward instead of waited for."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self._traveller = traveller
        self._now_s = 0.0
        self._threads = 0
        self._suspended_s = 0.0
        self.wall_error_s = 0.0
        """By how much the wall clock is wrong."""
        self.names = {"localhost"}
        """What can be looked up."""
        self._selector = selector = _Selector(self._pass)
        selector.is_awaited = lambda: self._threads > 0
        super().__init__(selector)

    def time(self) -> float:
        return self._now_s

    def _pass(self, seconds: float) -> None:
        self._now_s += seconds
        self._set_wall_clock()

    def _set_wall_clock(self) -> None:
        # A number: with a datetime the time zone is set as well, which takes long.
        self._traveller.move_to(_MIDNIGHT_S + self.elapsed_s() + self.wall_error_s, tick=False)

    def set_wall_clock_wrong(self, seconds: float) -> None:
        """Set the wall clock forward, or back."""
        self.wall_error_s = seconds
        self._set_wall_clock()

    def suspend(self, seconds: float) -> None:
        """Let the host sleep: its wall clock goes on, its monotonic clock does not."""
        self._suspended_s += seconds
        self._set_wall_clock()

    def freeze(self, seconds: float) -> None:
        """Let the process stand still: every timer is late afterwards."""
        self._pass(seconds)

    def elapsed_s(self) -> float:
        """Return seconds since the start, those of suspends included."""
        return self._now_s + self._suspended_s

    def true_time(self) -> datetime:
        """Return the time by a clock that is right."""
        return MIDNIGHT + timedelta(seconds=self.elapsed_s())

    def hurry(self) -> None:
        """Wait no time for bytes between sockets; a few of them come one timer late."""
        self._selector.grace_s = 0

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
