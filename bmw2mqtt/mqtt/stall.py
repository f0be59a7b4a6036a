"""Finds out whether a message that is read now may have waited for long on its way."""

import time
from collections import deque
from collections.abc import Callable

STALL_S = 10.0
"""A process or broker that stood still for longer may bring old messages."""
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def clock_with_suspends() -> float:
    """Return seconds since boot, including those in which the machine was suspended."""
    return time.clock_gettime(_CLOCK)


class StallDetector:
    """Tells fresh messages from those that may have waited while somebody stood still.

    Two things stall: this process (no `beat` for ten seconds: suspended, paused, stopped) and the
    broker (no answer to a ping for ten seconds). What is read afterwards is stale until the broker
    has answered a ping that was sent after the stall, and nothing more came before that answer:
    a broker goes on with its queue only once it has the acknowledgements.
    """

    def __init__(self, clock: Callable[[], float] = clock_with_suspends) -> None:
        self._clock = clock
        self._beat_at = clock()
        self._pings: deque[float] = deque()
        """When each unanswered ping was sent, oldest first."""
        self._sent = 0
        self._awaited: int | None = None
        """The ping whose answer ends the stall; `None`: it has to be sent yet."""
        self._has_received = False
        """Whether anything came while the present ping was on its way."""
        self.is_stalled = False

    @property
    def needs_ping(self) -> bool:
        """Whether a ping has to be sent now, so that the stall can end."""
        return self.is_stalled and self._awaited is None

    @property
    def pings_sent(self) -> int:
        """How many pings were sent."""
        return self._sent

    @property
    def pings_answered(self) -> int:
        """How many of them were answered."""
        return self._sent - len(self._pings)

    @property
    def unanswered_s(self) -> float:
        """How long the broker has owed an answer; 0 if it owes none."""
        return self._clock() - self._pings[0] if self._pings else 0.0

    def beat(self) -> None:
        """Record that the event loop turns; call it every second."""
        self._check()
        self._beat_at = self._clock()

    def ping_sent(self) -> None:
        """Record that a ping was sent."""
        self._sent += 1
        self._pings.append(self._clock())
        if self.needs_ping:
            self._awaited = self._sent

    def ping_answered(self) -> None:
        """Record the broker's answer to the oldest unanswered ping."""
        self._check()
        if not self._pings:
            return
        self._pings.popleft()
        if self._awaited is not None and self.pings_answered >= self._awaited:
            self._awaited = None
            self.is_stalled = self._has_received
            self._has_received = False

    def message_received(self) -> bool:
        """Record that a message was read; return whether it may be old."""
        self._check()
        self._has_received = True
        return self.is_stalled

    def _check(self) -> None:
        now = self._clock()
        if now - self._beat_at > STALL_S:
            # The answers may lie unread in the socket: the broker gets its time again.
            self._pings = deque(now for _ in self._pings)
            self._beat_at = now
            self._begin()
        elif not self.is_stalled and self._pings and now - self._pings[0] > STALL_S:
            self._begin()

    def _begin(self) -> None:
        self.is_stalled = True
        self._awaited = None
        self._has_received = True  # something may lie in the socket, unread
