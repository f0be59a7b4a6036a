"""Keeps the retained topics on the broker equal to what the bridge stands for.

Callers say what a topic should hold; what is there already is not sent again. While the broker is
away only the newest value per topic is kept. After each connect everything is sent again, in the
order in which it was first said.
"""

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Protocol

import structlog

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One PUBLISH, QoS 1."""

    topic: str
    payload: bytes
    retain: bool = True
    correlation_data: bytes | None = None
    is_expendable: bool = False
    """Whether it is dropped before others when too much waits for the broker."""

    @property
    def size_bytes(self) -> int:
        """What it takes on the wire, rather too much than too little."""
        return len(self.topic.encode()) + len(self.payload) + len(self.correlation_data or b"") + 32


class Connection(Protocol):
    """What the publisher needs of an MQTT connection."""

    max_packet_bytes: int | None

    async def publish(self, message: Message) -> bool:
        """Return once the broker has acknowledged; raise if the connection is lost.

        Returns:
            Whether the bridge may write to this topic.
        """


MAX_TOPIC_SHOWN = 255
MAX_EVENT_TRIES = 2
MAX_WAITING_EVENTS = 100
"""Messages that are not retained and wait for the broker; more are dropped, oldest first."""
MAX_WAITING_RELAYS = 2_000
"""The same for messages of BMW's that are passed on."""


@dataclass(slots=True)
class Statistics:
    """What went over the wire."""

    published: int = 0
    in_flight: int = 0
    most_in_flight: int = 0


@dataclass(slots=True)
class _Outbox:
    """What is to be sent: newest message per key, in the order in which the keys came."""

    messages: OrderedDict[str, Message] = field(default_factory=OrderedDict)
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    """Workers with nothing to do."""

    def put(self, key: str, message: Message) -> None:
        self.messages[key] = message
        while self.waiting:
            worker = self.waiting.popleft()
            if not worker.done():
                worker.set_result(None)
                break

    async def get(self) -> tuple[str, Message]:
        while not self.messages:
            worker = asyncio.get_running_loop().create_future()
            self.waiting.append(worker)
            await worker
        return self.messages.popitem(last=False)


class Publisher:
    """What the bridge stands for, and the workers that bring it to the broker."""

    def __init__(self) -> None:
        self.statistics = Statistics()
        self._retained: dict[str, bytes] = {}
        self._withdrawn: dict[str, None] = {}
        """Topics that were cleared and not yet acknowledged: they survive an outage."""
        self._then: dict[str, bytes] = {}
        self._confirmed: set[str] = set()
        """Topics that the broker has taken with what they hold."""
        self._refused: set[str] = set()
        """Topics the broker does not let the bridge write. They are not tried again: some brokers
        (Mosquitto 2.0.11) drop the connection after each try."""
        self._events: dict[str, Message] = {}
        self._tries: dict[str, int] = {}
        """On how many connections an event was sent."""
        self._relays: dict[str, Message] = {}
        self._relays_dropped = 0
        self._count = 0
        self._outbox = _Outbox()
        self._idle = asyncio.Event()
        self._idle.set()
        self._is_connected = False

    def retained_topics(self) -> frozenset[str]:
        """Return every topic that the bridge stands for."""
        return frozenset(self._retained)

    def confirmed_topics(self) -> frozenset[str]:
        """Return the topics that the broker should retain: it has acknowledged them."""
        return frozenset(self._confirmed)

    def has_confirmed(self, topic: str) -> bool:
        """Return whether it is one of `confirmed_topics`."""
        return topic in self._confirmed

    def retain(self, topic: str, payload: bytes, *, then: bytes | None = None) -> None:
        """Let a topic hold this payload; with `then`, that one once the first has arrived."""
        if then is None and topic in self._then:
            self._then[topic] = payload
            return
        if self._retained.get(topic) == payload and topic not in self._withdrawn:
            return
        if then is not None:
            self._then[topic] = then
        self._withdrawn.pop(topic, None)
        self._retained[topic] = payload
        self._put(topic, Message(topic=topic, payload=payload))

    def clear(self, topic: str) -> None:
        """Let a topic hold nothing, whoever wrote it."""
        self._retained.pop(topic, None)
        self._confirmed.discard(topic)
        self._then.pop(topic, None)
        self._withdrawn[topic] = None
        self._put(topic, Message(topic=topic, payload=b""))

    def send(
        self,
        topic: str,
        payload: bytes,
        *,
        correlation_data: bytes | None = None,
        is_expendable: bool = False,
    ) -> None:
        """Send one message that is not retained; it waits for the broker in a bounded queue."""
        key = self._next_key()
        message = Message(
            topic=topic,
            payload=payload,
            retain=False,
            correlation_data=correlation_data,
            is_expendable=is_expendable,
        )
        self._events[key] = message
        while len(self._events) > MAX_WAITING_EVENTS:
            expendable = (k for k, event in self._events.items() if event.is_expendable)
            oldest = next(expendable, next(iter(self._events)))
            dropped = self._events.pop(oldest)
            self._outbox.messages.pop(oldest, None)
            level = log.debug if dropped.is_expendable else log.warning
            level("event_dropped", topic=dropped.topic, waiting=MAX_WAITING_EVENTS)
        self._put(key, message)

    def relay(self, topic: str, payload: bytes) -> None:
        """Pass one message on, retained; none replaces another, they keep their order.

        They wait for the broker in a bounded queue, and the oldest are dropped.
        """
        key = self._next_key()
        message = Message(topic=topic, payload=payload)
        self._relays[key] = message
        if len(self._relays) > MAX_WAITING_RELAYS:
            oldest = next(iter(self._relays))
            del self._relays[oldest]
            self._outbox.messages.pop(oldest, None)
            level = log.debug if self._relays_dropped else log.warning
            level("relay_dropped", waiting=MAX_WAITING_RELAYS, remedy="is the broker there?")
            self._relays_dropped += 1
        self._put(key, message)

    def _next_key(self) -> str:
        self._count += 1
        return f"#{self._count}"

    def repeat(self) -> None:
        """Send everything again, as after a connect."""
        for topic, payload in self._retained.items():
            self._put(topic, Message(topic=topic, payload=payload))

    async def drained(self) -> None:
        """Wait until the broker has acknowledged all there is."""
        await self._idle.wait()

    async def run(self, connection: Connection, in_flight: int) -> None:
        """Send everything, and from then on what changes, until the connection is lost.

        Args:
            connection: a connection that was just made.
            in_flight: how many messages may wait for their acknowledgement at once.
        """
        self._outbox = _Outbox()
        self._is_connected = True
        for topic in self._withdrawn:
            self._put(topic, Message(topic=topic, payload=b""))
        self.repeat()
        self._give_up_on_events()
        for key, message in (*self._events.items(), *self._relays.items()):
            self._put(key, message)
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(in_flight):
                    workers.create_task(self._work(connection))
        finally:
            self._is_connected = False
            self.statistics.in_flight = 0

    def _give_up_on_events(self) -> None:
        """Drop events that two connections did not survive: they may be the reason."""
        tries = {key: self._tries.get(key, 0) + 1 for key in self._events}
        for key in [key for key, count in tries.items() if count > MAX_EVENT_TRIES]:
            log.warning("event_dropped", topic=self._events.pop(key).topic, reason="never arrives")
            del tries[key]
        self._tries = tries

    def _put(self, key: str, message: Message) -> None:
        self._idle.clear()
        if self._is_connected:
            self._outbox.put(key, message)

    async def _work(self, connection: Connection) -> None:
        while True:
            key, message = await self._outbox.get()
            limit = connection.max_packet_bytes
            if message.topic in self._refused:
                log.debug("message_left_out", topic=message.topic)
            elif limit is not None and message.size_bytes > limit:
                log.error(
                    "message_too_large",
                    topic=message.topic,
                    payload_bytes=len(message.payload),
                    broker_limit_bytes=limit,
                    remedy="raise the broker's maximum packet size",
                )
            else:
                await self._publish(connection, message)
            self._acknowledged(key, message)

    async def _publish(self, connection: Connection, message: Message) -> None:
        statistics = self.statistics
        statistics.in_flight += 1
        statistics.most_in_flight = max(statistics.most_in_flight, statistics.in_flight)
        is_allowed = await connection.publish(message)
        statistics.in_flight -= 1
        statistics.published += 1
        if is_allowed and message.payload and message.topic in self._retained:
            self._confirmed.add(message.topic)
        if not is_allowed and message.is_expendable:
            log.debug("mqtt_publish_refused", topic=message.topic[:MAX_TOPIC_SHOWN])
        elif not is_allowed and message.topic not in self._refused:
            self._refused.add(message.topic)
            log.error(
                "mqtt_publish_refused",
                topic=message.topic,
                remedy="let the bridge's user write this topic in the broker's access list, "
                "then restart the bridge",
            )

    def _acknowledged(self, key: str, message: Message) -> None:
        topic = message.topic
        if key != topic:  # an event or a relayed message
            self._events.pop(key, None)
            if self._relays.pop(key, None) and not self._relays:
                self._relays_dropped = 0
        elif not message.payload:
            self._withdrawn.pop(topic, None)
        elif topic in self._then and self._retained.get(topic) == message.payload:
            then = self._then.pop(topic)
            self.retain(topic, then)
        if not self._outbox.messages and not self.statistics.in_flight:
            self._idle.set()
