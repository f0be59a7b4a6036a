"""Finds messages at which the broker closes the connection, so that the others get through.

With MQTT 3.1.1 a broker has no other way to refuse a message.
"""

import enum
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from bmw2mqtt.mqtt.message import Message

SUSPECTED_AFTER = 2
"""Connections lost in a row while a message was in flight, before it is sent alone."""
LEFT_OUT_AFTER = 2
"""Connections lost because of it, perhaps, while it was alone: one may be chance."""
RETRY_S = 6 * 3600.0
"""A message is left out for this long: the finding may be wrong, or the broker's limit raised."""
MAX_LEFT_OUT = 1_000


class Suspicion(enum.Enum):
    """What a lost connection says about a message that was in flight."""

    NONE = "none"
    OPEN = "open"
    """It was alone; whether that was chance shows when it is sent again."""
    PROVED = "proved"
    """It is left out from now on."""


@dataclass(slots=True)
class _Losses:
    """Connections lost in a row while one message was in flight."""

    total: int = 0
    while_alone: int = 0
    """Those of them that may have been lost because of it, while nothing else was in flight."""


@dataclass(slots=True)
class _Verdict:
    """What the broker does not accept on one topic."""

    from_bytes: int
    """Messages of this size and larger; 0: any."""
    until: float


class PoisonDetector:
    """Counts the connections that were lost while a message was in flight."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._losses: dict[str, _Losses] = {}
        """By key."""
        self._verdicts: dict[str, _Verdict] = {}
        """By topic."""

    def losses(self, key: str) -> int:
        """Return how many connections in a row were lost while this was in flight."""
        losses = self._losses.get(key)
        return losses.total if losses else 0

    def is_suspected(self, key: str, topic: str) -> bool:
        """Whether a message has to be sent alone."""
        return self.losses(key) >= SUSPECTED_AFTER or topic in self._verdicts

    def is_left_out(self, message: Message) -> bool:
        """Whether a message must not be sent."""
        verdict = self._verdicts.get(message.topic)
        return (
            verdict is not None
            and message.size_bytes >= verdict.from_bytes
            and self._clock() < verdict.until
        )

    def expired(self) -> tuple[str, ...]:
        """Return the topics that were left out for long enough."""
        now = self._clock()
        return tuple(topic for topic, verdict in self._verdicts.items() if now >= verdict.until)

    def lost(self, keys: Collection[str]) -> None:
        """Record that a connection was lost while these were in flight."""
        for key in keys:
            self._losses.setdefault(key, _Losses()).total += 1

    def lost_alone(self, key: str, topic: str) -> Suspicion:
        """Record that a connection was lost, perhaps because of this message, which was alone.

        `lost` has been told of it too.
        """
        losses = self._losses.setdefault(key, _Losses())
        losses.while_alone += 1
        is_found = losses.while_alone >= LEFT_OUT_AFTER or topic in self._verdicts
        return Suspicion.PROVED if is_found else Suspicion.OPEN

    def leave_out(self, key: str, message: Message) -> bool:
        """Leave a message out that was alone in flight; return whether that is news."""
        self._losses.pop(key, None)
        known = self._verdicts.pop(message.topic, None)
        is_smaller = known is not None and message.size_bytes < known.from_bytes
        # The second size that is refused: it is about the topic.
        from_bytes = message.size_bytes if known is None else 0 if is_smaller else known.from_bytes
        self._verdicts[message.topic] = _Verdict(from_bytes, self._clock() + RETRY_S)
        if len(self._verdicts) > MAX_LEFT_OUT:
            del self._verdicts[next(iter(self._verdicts))]
        return known is None

    def acknowledged(self, key: str, message: Message) -> None:
        """Record that the broker accepted a message."""
        self._losses.pop(key, None)
        if not self._verdicts:
            return
        verdict = self._verdicts.get(message.topic)
        if verdict is not None and message.size_bytes >= verdict.from_bytes:
            del self._verdicts[message.topic]

    def forget_all_but(self, keys: Collection[str]) -> None:
        """Forget the counts of messages that no longer wait."""
        if self._losses:
            self._losses = {k: n for k, n in self._losses.items() if k in keys}
