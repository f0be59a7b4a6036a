"""Delays a command until a ping has proved that the connection is alive."""

import asyncio
from collections.abc import Callable

from bmw2mqtt.guard import BugLogger
from bmw2mqtt.mqtt.received import Received
from bmw2mqtt.mqtt.stall import StallDetector
from bmw2mqtt.mqtt.topics import COMMAND_SUFFIXES

MAX_HELD = 1_000
MAX_HELD_BYTES = 2**20
"""More is delivered at once, as stale."""


class CommandGate:
    """Delivers messages; a command only after a ping that was sent no sooner was answered.

    A virtual machine that was paused cannot notice it itself. A broker that has dropped the
    connection meanwhile does not answer, and what was unread in the socket is delivered as stale.
    """

    def __init__(
        self,
        stall: StallDetector,
        send_ping: Callable[[], None],
        on_received: Callable[[Received], None],
    ) -> None:
        self._stall = stall
        self._send_ping = send_ping
        self._on_received = on_received
        self._bug_logger = BugLogger()
        self._held: list[Received] = []
        self._held_bytes = 0
        self._proof = 0
        """The ping whose answer releases the held messages."""
        self.answered = asyncio.Event()
        """Set at the next answer to a ping, and when the connection is lost."""

    def beat(self) -> None:
        """Record that the event loop runs; send a ping if it can end a stall."""
        self._stall.beat()
        self._ping_if_needed()

    def message_received(self, received: Received, *, is_repeated: bool) -> None:
        """Deliver a message, now or once a ping was answered.

        Args:
            received: the message.
            is_repeated: whether the broker marks it as sent before (DUP).
        """
        received.is_stale = self._stall.message_received() or is_repeated
        self._ping_if_needed()
        size = len(received.payload)
        is_command = received.topic.endswith(COMMAND_SUFFIXES) and not received.retain
        if received.is_stale or not is_command:
            self._deliver(received)
        elif len(self._held) >= MAX_HELD or self._held_bytes + size > MAX_HELD_BYTES:
            received.is_stale = True
            self._deliver(received)
        else:
            if not self._held:
                self._send_ping()
                self._proof = self._stall.pings_sent
            self._held.append(received)
            self._held_bytes += size

    def ping_answered(self) -> None:
        """Deliver the messages that were held for this answer."""
        self._stall.ping_answered()
        self._ping_if_needed()
        if self._held and self._stall.pings_answered >= self._proof:
            self._deliver(*self._pop_held(is_stale=self._stall.is_stalled))
        self.answered.set()
        self.answered = asyncio.Event()

    def close(self) -> None:
        """Deliver the held messages as stale: the connection is gone."""
        self._deliver(*self._pop_held(is_stale=True))
        self.answered.set()

    def _pop_held(self, *, is_stale: bool) -> list[Received]:
        held, self._held, self._held_bytes = self._held, [], 0
        for received in held:
            received.is_stale = is_stale
        return held

    def _deliver(self, *messages: Received) -> None:
        for received in messages:
            try:
                self._on_received(received)
            except Exception:  # a bug with one message must not end the connection
                self._bug_logger.exception("message_crashed")

    def _ping_if_needed(self) -> None:
        if self._stall.needs_ping:
            self._send_ping()
