"""Detects whether a message that is read now may have waited for long."""

from collections.abc import Callable

from bmw2mqtt.vehicle.deadline import elapsed_s

STALL_S = 10.0
"""A process that stood still for longer may bring old messages."""
UNANSWERED_S = 6.0
"""A broker that stands still for ten seconds owes an answer for at least so long: it is pinged
every three seconds, and the wait is counted in beats."""
BEAT_S = 1.0


class StallDetector:
    """Distinguishes fresh messages from those that may have waited during a stall.

    Two things stall: this process (no `beat` for ten seconds: suspended, paused, stopped) and the
    broker (no answer to a ping for six seconds). What is read afterwards is stale until the broker
    has answered a ping that was sent after the stall, and nothing more came before that answer:
    a broker goes on with its queue only once it has the acknowledgements.
    """

    def __init__(self, clock: Callable[[], float] = elapsed_s) -> None:
        self._clock = clock
        self._beat_at = clock()
        self._beats_unanswered = 0
        """Seconds in which this process was awake and the broker owed an answer."""
        self._awaited: int | None = None
        """The ping whose answer ends the stall; `None`: it has to be sent yet."""
        self._has_received = False
        """Whether anything came while the present ping was on its way."""
        self.is_stalled = False
        self.pings_sent = 0
        self.pings_answered = 0

    @property
    def needs_ping(self) -> bool:
        """Whether a ping has to be sent now, so that the stall can end."""
        return self.is_stalled and self._awaited is None

    @property
    def unanswered_s(self) -> float:
        """How long the broker has owed an answer; a stall of this process does not count."""
        return self._beats_unanswered * BEAT_S

    def beat(self) -> None:
        """Record that the event loop turns; call it every second."""
        if self.pings_sent > self.pings_answered:
            self._beats_unanswered += 1
        self._check()
        self._beat_at = self._clock()

    def ping_sent(self) -> None:
        """Record that a ping was sent."""
        self.pings_sent += 1
        if self.needs_ping:
            self._awaited = self.pings_sent

    def ping_answered(self) -> None:
        """Record the broker's answer to the oldest unanswered ping."""
        self._check()
        if self.pings_answered == self.pings_sent:
            return  # to no ping of ours
        self.pings_answered += 1
        self._beats_unanswered = 0
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
            self._beat_at = now
            self._begin()
        elif not self.is_stalled and self.unanswered_s >= UNANSWERED_S:
            self._begin()

    def _begin(self) -> None:
        self.is_stalled = True
        self._awaited = None
        self._has_received = True  # more may be unread in the socket
