"""Queues of messages that wait for the broker."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from bmw2mqtt.mqtt.message import Message
from bmw2mqtt.mqtt.poison_messages import PoisonDetector


class Outbox:
    """What is to be sent on the present connection, and what waits for its acknowledgement.

    The newest message per key, in the order in which the keys came. Suspected messages are sent
    after all others and alone: nothing else is in flight beside them. While it is closed it
    accepts nothing: its owner puts everything again after each connect.
    """

    def __init__(self, poison: PoisonDetector) -> None:
        self.drained = asyncio.Event()
        """Set while the broker has acknowledged all there is."""
        self.drained.set()
        self._poison = poison
        self._is_open = False
        self._reset()

    def _reset(self) -> None:
        self.in_flight: dict[object, tuple[str, Message]] = {}
        """By worker: the same key may be in flight twice."""
        self.alone: str | None = None
        """The key that is sent with nothing else in flight."""
        self._messages: OrderedDict[str, Message] = OrderedDict()
        self._suspected: OrderedDict[str, Message] = OrderedDict()
        self._waiting: deque[asyncio.Future[None]] = deque()
        """Workers with nothing to do."""

    def open(self) -> None:
        """Begin a connection, with nothing in flight."""
        self._reset()
        self._is_open = True

    def close(self) -> None:
        """End the connection; what was in flight can be read until the next one."""
        self._is_open = False

    def put(self, key: str, message: Message) -> None:
        """Add a message, or replace the one with this key in its place."""
        self.drained.clear()
        if not self._is_open:
            return
        queue, other = self._messages, self._suspected
        if self._poison.is_suspected(key, message.topic):
            queue, other = other, queue
        other.pop(key, None)
        queue[key] = message
        self._wake()

    def drop(self, key: str) -> None:
        """Remove the message with this key."""
        self._messages.pop(key, None)
        self._suspected.pop(key, None)

    async def get(self, worker: object) -> tuple[str, Message]:
        """Return the next message, in flight from now on; wait for one if there is none."""
        while (found := self._next()) is None:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self.in_flight[worker] = found
        return found

    def done(self, worker: object) -> None:
        """Record that a worker's message is no longer in flight."""
        self.in_flight.pop(worker, None)
        if not self.in_flight and (self.alone is not None or self._suspected):
            self.alone = None
            while self._waiting:
                self._wake()
        if not (self._messages or self._suspected or self.in_flight):
            self.drained.set()

    def _next(self) -> tuple[str, Message] | None:
        if self.alone is not None:
            return None
        if self._messages:
            return self._messages.popitem(last=False)
        if self._suspected and not self.in_flight:
            key, message = self._suspected.popitem(last=False)
            self.alone = key
            return key, message
        return None

    def _wake(self) -> None:
        while self._waiting:
            worker = self._waiting.popleft()
            if not worker.done():
                worker.set_result(None)
                return


@dataclass(slots=True)
class BoundedQueue:
    """Messages that survive an outage, by key, oldest first; bounded by number and bytes."""

    max_messages: int
    max_bytes: int
    messages: dict[str, Message] = field(default_factory=dict)
    size_bytes: int = 0

    def add(self, key: str, message: Message) -> Iterator[tuple[str, Message]]:
        """Add a message; yield those dropped for it: expendable ones first, then the oldest."""
        self.messages[key] = message
        self.size_bytes += message.size_bytes
        while len(self.messages) > self.max_messages or self.size_bytes > self.max_bytes:
            expendable = (k for k, m in self.messages.items() if m.is_expendable)
            oldest = next(expendable, next(iter(self.messages)))
            yield oldest, self.messages[oldest]
            self.remove(oldest)

    def remove(self, key: str) -> bool:
        """Remove a message; return whether it was there."""
        message = self.messages.pop(key, None)
        if message is None:
            return False
        self.size_bytes -= message.size_bytes
        return True
