"""Keeps the retained topics on the broker equal to what the bridge publishes.

Callers set the payload of a topic; what the broker has already is not sent again. While the broker
is away, only the newest payload per topic is kept. After each connect everything is sent again, in
the order in which the topics were first set.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from bmw2mqtt.log_once import LogOnce
from bmw2mqtt.mqtt.message import Message
from bmw2mqtt.mqtt.outbox import BoundedQueue, Outbox
from bmw2mqtt.mqtt.poison_messages import PoisonDetector, Suspicion

log = structlog.get_logger(__name__)

NOT_AUTHORIZED = "not authorized"


class BrokerConnection(Protocol):
    """What the publisher needs of an MQTT connection."""

    max_packet_bytes: int | None

    async def publish_message(self, message: Message) -> str | None:
        """Return once the broker has acknowledged; raise if the connection is lost.

        Returns:
            Why the broker refused the message, `NOT_AUTHORIZED` for one; `None`: it did not.
        """

    async def verify(self) -> None:
        """Return once the broker has answered a ping; raise if the connection is lost."""


MAX_TOPIC_SHOWN = 255
MAX_EVENT_TRIES = 5
"""Connections on which a message that is not retained may be in flight and get lost."""
MAX_WAITING_EVENTS = 100
"""Messages that are not retained and wait for the broker; more are dropped, oldest first."""
MAX_WAITING_EVENT_BYTES = 2 * 2**20
MAX_WAITING_RELAYS = 2_000
"""The same for messages of BMW's that are relayed."""
MAX_WAITING_RELAY_BYTES = 8 * 2**20
MAX_LOGGED_TOPICS = 1_000
RECENT = 20
RETRY_LEFT_OUT_EVERY_S = 600.0


@dataclass(slots=True)
class Statistics:
    """Messages on the wire since the start."""

    published: int = 0
    in_flight: int = 0
    most_in_flight: int = 0

    def message_sent(self) -> None:
        """Count a message that waits for its acknowledgement."""
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def message_acknowledged(self) -> None:
        """Count the acknowledgement of a message."""
        self.in_flight -= 1
        self.published += 1


class Publisher:
    """What the bridge publishes, and the workers that send it to the broker."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.statistics = Statistics()
        self._retained: dict[str, bytes] = {}
        self._withdrawn: dict[str, None] = {}
        """Topics that were cleared and not yet acknowledged: they survive an outage."""
        self._then: dict[str, bytes] = {}
        self._confirmed: set[str] = set()
        """Topics whose payload the broker has acknowledged."""
        self._refused: set[str] = set()
        """Topics the broker does not let the bridge write. They are not tried again: some brokers
        (Mosquitto 2.0.11) drop the connection after each try."""
        self._not_delivered = LogOnce(MAX_LOGGED_TOPICS)
        self._events = BoundedQueue(MAX_WAITING_EVENTS, MAX_WAITING_EVENT_BYTES)
        self._relays = BoundedQueue(MAX_WAITING_RELAYS, MAX_WAITING_RELAY_BYTES)
        self._relays_dropped = 0
        self._poison = PoisonDetector(clock)
        self._recent: deque[tuple[str, Message]] = deque()
        """Acknowledged last: some brokers acknowledge what they refuse, then disconnect."""
        self._count = 0
        self._outbox = Outbox(self._poison)

    def retained_topics(self) -> frozenset[str]:
        """Return every topic that the bridge retains."""
        return frozenset(self._retained)

    def retained_payload(self, topic: str) -> bytes | None:
        """Return what the bridge retains on a topic; `None`: nothing."""
        return self._retained.get(topic)

    def confirmed_topics(self) -> frozenset[str]:
        """Return the topics that the broker should retain: it has acknowledged them."""
        return frozenset(self._confirmed)

    def has_confirmed(self, topic: str) -> bool:
        """Return whether it is one of `confirmed_topics`."""
        return topic in self._confirmed

    def retain(self, topic: str, payload: bytes, *, then: bytes | None = None) -> None:
        """Set the payload of a topic; with `then`, set that one once the first is acknowledged."""
        if then is None and topic in self._then:
            self._then[topic] = payload
            return
        if self._retained.get(topic) == payload and topic not in self._withdrawn:
            return
        if then is not None:
            self._then[topic] = then
        self._withdrawn.pop(topic, None)
        self._retained[topic] = payload
        self._outbox.put(topic, Message(topic=topic, payload=payload))

    def clear(self, topic: str) -> None:
        """Remove a topic from the broker, whoever has published it."""
        self._retained.pop(topic, None)
        self._confirmed.discard(topic)
        self._then.pop(topic, None)
        self._withdrawn[topic] = None
        self._outbox.put(topic, Message(topic=topic, payload=b""))

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
        for oldest, dropped in self._events.add(key, message):
            self._outbox.drop(oldest)
            level = log.debug if dropped.is_expendable else log.warning
            level("event_dropped", topic=dropped.topic, waiting=len(self._events.messages) - 1)
        if key in self._events.messages:
            self._outbox.put(key, message)

    def relay(self, topic: str, payload: bytes) -> None:
        """Publish one message of BMW's, retained. None replaces another, and they keep their order.

        They wait for the broker in a bounded queue, and the oldest are dropped.
        """
        key = self._next_key()
        message = Message(topic=topic, payload=payload)
        for oldest, _ in self._relays.add(key, message):
            self._outbox.drop(oldest)
            level = log.debug if self._relays_dropped else log.warning
            level(
                "relay_dropped",
                waiting=len(self._relays.messages) - 1,
                remedy="check that the broker is running",
            )
            self._relays_dropped += 1
        if key in self._relays.messages:
            self._outbox.put(key, message)

    def _next_key(self) -> str:
        self._count += 1
        return f"#{self._count}"

    def repeat(self) -> None:
        """Send everything again, as after a connect."""
        for topic, payload in self._retained.items():
            self._outbox.put(topic, Message(topic=topic, payload=payload))

    async def drained(self) -> None:
        """Wait until the broker has acknowledged all there is."""
        await self._outbox.drained.wait()

    async def run(self, connection: BrokerConnection, in_flight: int) -> None:
        """Send everything, and from then on what changes, until the connection is lost.

        Args:
            connection: a connection that was just made.
            in_flight: how many messages may wait for their acknowledgement at once.
        """
        self._recent.clear()
        waiting = {**self._events.messages, **self._relays.messages}
        self._poison.forget_all_but(self._retained.keys() | self._withdrawn.keys() | waiting.keys())
        self._outbox.open()
        for topic in self._withdrawn:
            self._outbox.put(topic, Message(topic=topic, payload=b""))
        self.repeat()
        for key, message in waiting.items():
            self._outbox.put(key, message)
        workers = [asyncio.create_task(self._work(connection, n)) for n in range(in_flight)]
        workers.append(asyncio.create_task(self._retry_left_out()))
        try:
            await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            self._outbox.close()
            self.statistics.in_flight = 0
            for worker in workers:
                worker.cancel()
            ended = await asyncio.gather(*workers, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error

    def connection_lost(self, *, may_be_about_a_message: bool) -> Suspicion:
        """Record that the connection was lost while some messages were in flight.

        Args:
            may_be_about_a_message: whether the broker may have closed it because of one of them.

        Returns:
            What that says about one of them: the next connection may last longer.
        """
        in_flight = dict(self._outbox.in_flight.values())
        self._poison.lost(in_flight.keys() | {key for key, _ in self._recent})
        suspicion, alone = Suspicion.NONE, self._outbox.alone
        if may_be_about_a_message and alone is not None and alone in in_flight:
            message = in_flight[alone]
            suspicion = self._poison.lost_alone(alone, message.topic)
            if suspicion is Suspicion.PROVED:
                self._leave_out(alone, message)
        for key, message in in_flight.items():
            if self._poison.losses(key) >= MAX_EVENT_TRIES and self._events.remove(key):
                log.warning("event_dropped", topic=message.topic, reason="never arrives")
        return suspicion

    def _leave_out(self, key: str, message: Message) -> None:
        if self._poison.leave_out(key, message):
            level = log.debug if message.is_expendable else log.error
            level(
                "message_left_out",
                topic=message.topic[:MAX_TOPIC_SHOWN],
                payload_bytes=len(message.payload),
                reason="the broker closes the connection whenever it receives this message",
                remedy="see the broker's log: often its maximum packet size, or a rule for this "
                "topic; bmw2mqtt tries again after six hours",
            )
        self._acknowledged(key, message)

    async def _work(self, connection: BrokerConnection, worker: int) -> None:
        while True:
            key, message = await self._outbox.get(worker)
            if not self._is_left_out(connection, message):
                self.statistics.message_sent()
                refusal = await connection.publish_message(message)
                self.statistics.message_acknowledged()
                self._record_refusal(message, refusal)
                if self._outbox.alone == key:
                    await connection.verify()
                    self._poison.acknowledged(key, message)
                else:
                    self._recent.append((key, message))
                    if len(self._recent) > RECENT:
                        self._poison.acknowledged(*self._recent.popleft())
            self._acknowledged(key, message)
            self._outbox.done(worker)

    async def _retry_left_out(self) -> None:
        """Send what was left out hours ago again, also if nothing new comes of its topic."""
        while True:
            await asyncio.sleep(RETRY_LEFT_OUT_EVERY_S)
            for topic in self._poison.expired():
                if topic in self._retained:
                    self._outbox.put(topic, Message(topic=topic, payload=self._retained[topic]))
                elif topic in self._withdrawn:
                    self._outbox.put(topic, Message(topic=topic, payload=b""))

    def _is_left_out(self, connection: BrokerConnection, message: Message) -> bool:
        limit = connection.max_packet_bytes
        if message.topic in self._refused or self._poison.is_left_out(message):
            log.debug("message_not_sent", topic=message.topic[:MAX_TOPIC_SHOWN])
            return True
        if limit is None or message.size_bytes <= limit:
            return False
        self._log_not_delivered(
            "message_too_large",
            message,
            broker_limit_bytes=limit,
            remedy="raise the broker's maximum packet size (Mosquitto: max_packet_size)",
        )
        return True

    def _log_not_delivered(self, event: str, message: Message, **details: object) -> None:
        """Log once per topic why a message did not arrive."""
        is_important = not message.is_expendable
        is_new = is_important and self._not_delivered.is_new((event, message.topic))
        level = log.error if is_new else log.debug
        topic = message.topic[:MAX_TOPIC_SHOWN]
        level(event, topic=topic, payload_bytes=len(message.payload), **details)

    def _record_refusal(self, message: Message, refusal: str | None) -> None:
        """Record whether the broker accepted a message; `None`: it did."""
        if refusal is None and message.payload and message.topic in self._retained:
            self._confirmed.add(message.topic)
        if refusal == NOT_AUTHORIZED:
            self._log_not_delivered(
                "mqtt_publish_refused",
                message,
                remedy="let the bridge's user write this topic in the broker's access list, "
                "then restart the bridge",
            )
            if not message.is_expendable:
                self._refused.add(message.topic)
        elif refusal is not None:
            self._log_not_delivered(
                "message_refused", message, reason=refusal, remedy="see the broker's log"
            )

    def _acknowledged(self, key: str, message: Message) -> None:
        topic = message.topic
        if key != topic:  # an event or a relayed message
            self._events.remove(key)
            if self._relays.remove(key) and not self._relays.messages:
                self._relays_dropped = 0
        elif not message.payload:
            if not self._poison.is_left_out(message):
                self._withdrawn.pop(topic, None)
        elif topic in self._then and self._retained.get(topic) == message.payload:
            then = self._then.pop(topic)
            self.retain(topic, then)
