"""An event loop in which hours pass in a moment, while sockets work as ever.

Whenever nothing is ready, no thread works, and no byte is on its way from one socket to another,
the clock is set to the next timer. The wall clock (`datetime.now`) follows, by time-machine, and
so does the clock of paho-mqtt.

So "nothing happens" can be proven: let hours pass.
"""

import asyncio
import selectors
import socket
import struct
import sys
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import time_machine

MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)
GRACE_S = 0.015
"""How long to wait for bytes from a socket that belongs to another loop, thread or process."""
STUCK_AFTER_S = 1.0
"""Bytes that nobody takes for so long are not on their way: somebody does not read."""
DEAD_AFTER_S = 120.0
"""So long no timer, no byte and no thread: somebody waits for what cannot come. Or so long without
a pause: something is ready for ever."""
_KNOWS_BYTES = sys.platform == "linux"
_TCP_INFO = struct.Struct("=128x Q 8x I 52x QQ")
"""Bytes received, not sent yet, sent, and sent once more, which is counted as sent again: those
of `struct tcp_info` in linux/tcp.h."""


class _Connection(socket.socket):
    """A TCP connection that belongs to somebody else."""

    def __init__(self, fd: int) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_STREAM, fileno=fd)
        self.ends: tuple[Any, Any] | None = None
        """The addresses here and there; none of a server that listens."""

    def find_ends(self) -> bool:
        """Return whether the ends are known now."""
        try:
            self.ends = self.getsockname(), self.getpeername()
        except OSError:
            if self.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                self.ends = (None, None)
        return self.ends is not None

    def counts(self) -> tuple[int, int, int]:
        """Return the bytes that the kernel has received, has not sent yet, and has sent."""
        info = self.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
        received, unsent, sent, again = _TCP_INFO.unpack(info)
        return received, unsent, sent - again


class _Selector(selectors.DefaultSelector):  # type: ignore[valid-type,misc]
    """Waits for no timer, only for the network and for threads."""

    def __init__(self, on_idle: Callable[[float], None]) -> None:
        super().__init__()
        self._on_idle = on_idle
        self.is_awaited: Callable[[], bool] = lambda: False
        self._connections: dict[int, _Connection] = {}
        self._pairs: list[tuple[_Connection, _Connection]] | None = None
        """Both ends of each connection within this loop; `None`: to be found again."""
        self._has_strangers = False
        """Whether another loop, thread or process has the other end of a connection."""
        self.is_hurried = False
        self._idle_at_s = time.perf_counter()

    def select(self, timeout: float | None = None) -> Any:
        ready = self._select(timeout)
        if not ready and timeout != 0:
            self._idle_at_s = time.perf_counter()
        elif time.perf_counter() - self._idle_at_s > DEAD_AFTER_S:
            raise RuntimeError("the loop is never idle: its clock stands still")
        return ready

    def _select(self, timeout: float | None) -> Any:
        waited_s = idle_s = 0.0
        while not (ready := super().select(0)) and timeout != 0:
            if self.is_awaited() or timeout is None:
                ready = super().select(GRACE_S)
                idle_s += GRACE_S
                if idle_s > DEAD_AFTER_S:
                    raise RuntimeError("the loop waits for nothing that will ever happen")
            elif not self.is_hurried and waited_s < (longest_s := self._wait_s()):
                ready = super().select(pause_s := min(GRACE_S, longest_s))
                waited_s += pause_s
            else:
                self._on_idle(timeout)
                break
            if ready:
                break
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> Any:
        self._pairs = None
        return super().register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> Any:
        key = super().unregister(fileobj)
        self._pairs = None
        if known := self._connections.pop(key.fd, None):
            known.detach()
        return key

    def close(self) -> None:
        for connection in self._connections.values():
            connection.detach()
        self._connections.clear()
        super().close()

    def _wait_s(self) -> float:
        """Return how long to wait for the network before time may pass."""
        if self._pairs is None and not self._find_pairs():
            return GRACE_S
        for one, other in self._pairs or ():
            received, unsent, sent = one.counts()
            other_received, other_unsent, other_sent = other.counts()
            if unsent or other_unsent or sent > other_received or other_sent > received:
                return STUCK_AFTER_S
        return GRACE_S if self._has_strangers else 0.0

    def _find_pairs(self) -> bool:
        """Find both ends of each connection; return whether all of them are through."""
        by_ends: dict[tuple[Any, Any], _Connection] = {}
        for fd, key in self._fd_to_key.items():
            connection = self._connections.get(fd)
            if connection is None:
                connection = self._connections[fd] = _Connection(fd)
            if connection.ends is None and not connection.find_ends():
                if key.events & selectors.EVENT_WRITE:  # one's own connect
                    return False
            elif connection.ends and isinstance(connection.ends[0], tuple):
                by_ends[connection.ends] = connection  # what the loop wakes itself with has none
        self._pairs = [
            (connection, by_ends[there, here])
            for (here, there), connection in by_ends.items()
            if _KNOWS_BYTES and here < there and (there, here) in by_ends
        ]
        self._has_strangers = 2 * len(self._pairs) < len(by_ends)
        return True


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock is set forward instead of waited for, from its creation to its end."""

    def __init__(self, begin: datetime = MIDNIGHT) -> None:
        self._now_s = 0.0
        self._threads = 0
        self.names = {"localhost"}
        """What can be looked up."""
        self._suspended_s = 0.0
        self._wall_error_s = 0.0
        self._begin = begin
        self._travel = time_machine.travel(begin, tick=False)
        self._traveller = self._travel.start()
        self._paho_clock = mock.patch("paho.mqtt.client.time_func", self.time)
        self._paho_clock.start()
        self._selector = selector = _Selector(self._pass)
        selector.is_awaited = lambda: self._threads > 0
        super().__init__(selector)
        self._pool = ThreadPoolExecutor()
        self.set_default_executor(self._pool)
        self._clock_resolution = 1e-6  # asyncio's nanosecond is lost in a float after half a year

    def close(self) -> None:
        if not self.is_closed():
            self._paho_clock.stop()
            self._travel.stop()
        super().close()

    def time(self) -> float:
        return self._now_s

    def set_wall_clock(self, **delta: float) -> None:
        """Let the wall clock alone leap: a host that was suspended, a clock that is corrected."""
        self._traveller.shift(timedelta(**delta))

    def _pass(self, seconds: float) -> None:
        before, self._now_s = self._elapsed(), self._now_s + seconds
        self._traveller.shift(self._elapsed() - before)

    def _elapsed(self) -> timedelta:
        return timedelta(seconds=self._now_s)  # of whole microseconds, so nothing adds up

    def set_wall_clock_wrong(self, seconds: float) -> None:
        """Set the wall clock so far before or behind the true time."""
        self.set_wall_clock(seconds=seconds - self._wall_error_s)
        self._wall_error_s = seconds

    def suspend(self, seconds: float) -> None:
        """Let the host sleep: its wall clock goes on, its monotonic clock does not."""
        self._suspended_s += seconds
        self.set_wall_clock(seconds=seconds)

    def freeze(self, seconds: float) -> None:
        """Let the process stand still: every timer is late afterwards."""
        self._pass(seconds)

    def elapsed_s(self) -> float:
        """Return seconds since the start, those of suspends included."""
        return self._now_s + self._suspended_s

    def true_time(self) -> datetime:
        """Return the time by a clock that is right."""
        return self._begin + timedelta(seconds=self.elapsed_s())

    def hurry(self) -> None:
        """Wait no time for bytes between sockets; a few of them come one timer late."""
        self._selector.is_hurried = True

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        """Look a name up; a real resolver may take its time over what it cannot find."""
        name = host.decode() if isinstance(host, bytes) else host
        if name not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, f"{name}: name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(port)))]

    def run_in_executor(self, executor: Any, function: Any, *args: Any) -> Any:
        """Let no time pass while a thread works, also for somebody who waits no longer."""
        work = (executor or self._pool).submit(function, *args)
        self._threads += 1
        future = asyncio.wrap_future(work, loop=self)
        work.add_done_callback(self._thread_ends)  # second: who waits is told before time passes
        return future

    async def shutdown_default_executor(self, *_: object) -> None:
        """Wait for threads in real time: the time limit of Python 3.12 and newer is virtual."""
        self._pool.shutdown(wait=True)

    def _thread_ends(self, _: object) -> None:
        with suppress(RuntimeError):  # the loop may be closed
            self.call_soon_threadsafe(self._thread_done)

    def _thread_done(self) -> None:
        self._threads -= 1


async def forward(**delta: float) -> None:
    """Let time pass in a virtual loop, and all that it brings happen."""
    await asyncio.sleep(timedelta(**delta).total_seconds())


def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine in virtual time that begins at `MIDNIGHT`."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())
