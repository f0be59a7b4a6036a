"""Keeps a connection to the broker for as long as the daemon runs.

The daemon starts without a broker and survives every outage; each is logged once.
"""

import asyncio
import enum
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

import aiomqtt
import structlog

from bmw2mqtt.backoff import Backoff
from bmw2mqtt.config import Mqtt
from bmw2mqtt.log_once import LogOnce
from bmw2mqtt.mqtt.client import GOODBYE_S, IN_FLIGHT, QOS, Client
from bmw2mqtt.mqtt.errors import describe, limits_in_words, may_be_about_a_message
from bmw2mqtt.mqtt.factory import make_client
from bmw2mqtt.mqtt.message import Message
from bmw2mqtt.mqtt.poison_messages import Suspicion
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.received import Received
from bmw2mqtt.mqtt.subscriptions import batches, subscribe
from bmw2mqtt.mqtt.transport import check_login, tls_context
from bmw2mqtt.mqtt_reason import MqttReason, reason_number
from bmw2mqtt.vehicle.deadline import elapsed_s

log = structlog.get_logger(__name__)

STABLE_AFTER_S = 10.0
"""A connection that is lost sooner counts as another failed attempt."""
SECOND_TRY_S = 1.0
"""Until a suspected message is sent again, once: then the others can have a lasting connection."""
CLEAN_UP_S = 1.0
"""How long a task may take to end after its cancellation."""


SUBSCRIBE_AT_ONCE_TRIES = 2
"""Then the filters go one by one: together they may be larger than the broker accepts."""


class ConnectionState(enum.Enum):
    """What the session is doing."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    WAITING = "waiting"
    """For the next attempt."""
    CLOSING = "closing"
    STOPPED = "stopped"


class Session:
    """One broker, one client id: keeps a connection until it is stopped."""

    def __init__(
        self,
        settings: Mqtt,
        publisher: Publisher,
        *,
        availability_topic: str,
        filters: Iterable[str],
        on_message: Callable[[Received], None],
        on_subscribed: Callable[[], None] = lambda: None,
        on_disconnected: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = elapsed_s,
    ) -> None:
        """Prepare; nothing is opened before `run`.

        Raises:
            ConfigError: a certificate, key or login cannot be used.
        """
        check_login(settings)
        self.tried = asyncio.Event()
        """Set once the first attempt to connect has ended, either way."""
        self.connected = asyncio.Event()
        self.subscribed = asyncio.Event()
        """Set while there is a connection on which the broker has confirmed the subscriptions."""
        self.stopped = asyncio.Event()
        """Set once `run` has ended after `stop`."""
        self.connections = 0
        """How many connections there have been."""
        self.state = ConnectionState.DISCONNECTED
        self.problem: str | None = None
        """Why there is no connection; `None` while there is one, or nothing is known yet."""
        self._client: Client | None = None
        self._settings = settings
        self._publisher = publisher
        self._availability_topic = availability_topic
        self._filters = tuple(filters)
        self._on_message = on_message
        self._on_subscribed = on_subscribed
        self._on_disconnected = on_disconnected
        self._clock = clock
        self._tls = tls_context(settings.tls)
        self._stopping = asyncio.Event()
        self._unreachable = Backoff(first_s=0.5, longest_s=5)
        """The broker is on the same network: an attempt every few seconds does no harm."""
        self._unstable = Backoff(first_s=1, longest_s=60)
        """The broker accepts the connection and closes it again: its settings have to change."""
        self._outage = LogOnce()
        self._limits = LogOnce()
        self._refusals = LogOnce()
        self._subscribe_losses = 0
        """Connections in a row that were lost before the broker confirmed the subscriptions."""
        self._will_qos = QOS
        self._will_retain = True

    def stop(self) -> None:
        """Publish `offline`, disconnect and let `run` return, within a few seconds."""
        self._stopping.set()

    async def run(self) -> None:
        """Stay connected until `stop`; a cancellation closes the connection without DISCONNECT."""
        try:
            while not self._stopping.is_set():
                pause_s = await self._attempt()
                if pause_s > 0:
                    self.state = ConnectionState.WAITING
                    await self._until_stop(asyncio.sleep(pause_s))
        finally:
            self.state = ConnectionState.STOPPED
            self.stopped.set()

    async def subscribe(self, filters: Iterable[str]) -> bool:
        """Subscribe to some of the filters again; return whether there is a connection."""
        client = self._client
        if client is None or not self.subscribed.is_set():
            return False
        try:
            await subscribe(client, tuple(filters), self._refusals)
        except aiomqtt.MqttError:
            return False
        return True

    async def unsubscribe(self, filters: Iterable[str]) -> None:
        """End some of the subscriptions of this connection; the next one begins with them."""
        client = self._client
        if client is not None and self.subscribed.is_set():
            with suppress(aiomqtt.MqttError):
                for batch in batches(client, tuple(filters)):
                    await client.unsubscribe(list(batch))

    async def verify(self) -> None:
        """Return once the broker has answered a ping, or the connection is lost."""
        client = self._client
        if client is not None and self.subscribed.is_set():
            with suppress(aiomqtt.MqttError):
                await client.verify()

    async def _attempt(self) -> float:
        """Connect and serve until the connection is lost or `stop`; return the pause afterwards."""
        self.state = ConnectionState.CONNECTING
        client = make_client(
            self._settings,
            self._tls,
            availability_topic=self._availability_topic,
            will_qos=self._will_qos,
            will_retain=self._will_retain,
            clock=self._clock,
            on_received=self._on_message,
        )
        was_connected, lifetime_s, suspicion = False, 0.0, Suspicion.NONE
        try:
            error = await self._until_stop(client.__aenter__())
            if was_connected := client.is_connected:
                connected_at = asyncio.get_running_loop().time()
                self._set_connected(client)
                error = await self._until_stop(self._serve(client))
                lifetime_s = asyncio.get_running_loop().time() - connected_at
                if self._stopping.is_set():
                    await self._publish_offline(client)
                else:
                    suspicion = self._publisher.connection_lost(
                        may_be_about_a_message=may_be_about_a_message(client.error or error)
                    )
        finally:
            client.close()
            self._set_disconnected()
        if self._stopping.is_set():
            return 0.0
        if lifetime_s >= STABLE_AFTER_S:
            self._outage.reset()
            self._unstable.reset()
        self._log_end(client.error or error)
        return self._pause_s(was_connected, lifetime_s, suspicion)

    async def _until_stop(self, work: Coroutine[Any, Any, Any]) -> Exception | None:
        """Run a coroutine until it ends or `stop`; return the error it ended with.

        The stop is a flag, so that it cannot be lost: neither `asyncio.wait_for` nor a task group
        passes every cancel on.
        """
        task = asyncio.create_task(work)
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            task.cancel()
            await asyncio.wait((task, stopping), timeout=CLEAN_UP_S)
        if not task.done() or task.cancelled():
            return None
        error = task.exception()
        if error is not None and not isinstance(error, Exception):
            raise error
        return error

    async def _serve(self, client: Client) -> None:
        """Subscribe, then publish until the connection is lost."""
        self._subscribe_losses += 1
        await subscribe(
            client,
            self._filters,
            self._refusals,
            one_by_one=self._subscribe_losses > SUBSCRIBE_AT_ONCE_TRIES,
        )
        self._subscribe_losses = 0
        self.subscribed.set()
        self._on_subscribed()
        in_flight = min(IN_FLIGHT, client.receive_maximum)
        publishing = asyncio.create_task(self._publisher.run(client, in_flight))
        losing = asyncio.create_task(client.lost.wait())
        try:
            await asyncio.wait((publishing, losing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            losing.cancel()
            publishing.cancel()
            await asyncio.wait((publishing, losing), timeout=CLEAN_UP_S)
        if publishing.done() and not publishing.cancelled():
            error = publishing.exception()
            if error is not None and not client.lost.is_set():
                raise error

    async def _publish_offline(self, client: Client) -> None:
        """Publish `offline` before DISCONNECT: the broker drops the will then."""
        self.state = ConnectionState.CLOSING
        message = Message(topic=self._availability_topic, payload=b"offline")
        try:
            async with asyncio.timeout(GOODBYE_S):
                await client.publish_message(message)
        except (TimeoutError, aiomqtt.MqttError):
            log.debug("mqtt_offline_not_published")
        await client.disconnect()

    def _set_connected(self, client: Client) -> None:
        self.state = ConnectionState.CONNECTED
        self._client = client
        self.problem = None
        self.connections += 1
        self._unreachable.reset()
        self.tried.set()
        self.connected.set()
        level = log.debug if self._unstable.failures else log.info
        level(
            "mqtt_connected",
            host=self._settings.host,
            port=self._settings.port,
            receive_maximum=client.receive_maximum,
        )
        self._log_limits(limits_in_words(client.limits))

    def _set_disconnected(self) -> None:
        self._client = None
        was_subscribed = self.subscribed.is_set()
        self.connected.clear()
        self.subscribed.clear()
        self.tried.set()
        if was_subscribed:
            self._on_disconnected()
        self.state = ConnectionState.DISCONNECTED

    def _log_limits(self, limits: dict[str, str]) -> None:
        """Log once what the broker cannot do."""
        for name, reason in limits.items():
            if self._limits.is_new(name):
                log.warning("broker_limit", limit=name, reason=reason)

    def _log_end(self, error: Exception | None) -> None:
        if error is not None and not isinstance(error, aiomqtt.MqttError):
            log.error("mqtt_crashed", exc_info=error, remedy="please report this")
        elif not self._adapt(error):
            self._log_outage(error)

    def _pause_s(self, was_connected: bool, lifetime_s: float, suspicion: Suspicion) -> float:  # noqa: FBT001
        """Return the seconds until the next attempt."""
        if not was_connected:
            return self._unreachable.fail()
        if lifetime_s >= STABLE_AFTER_S:
            return 0.0
        if suspicion is Suspicion.OPEN:
            return SECOND_TRY_S
        pause_s = self._unstable.fail()
        is_found = suspicion is Suspicion.PROVED
        return min(pause_s, self._unreachable.longest_s) if is_found else pause_s

    def _adapt(self, error: Exception | None) -> bool:
        """Leave out of the last will what the broker refuses; return whether that is new."""
        number = reason_number(error)
        if number == MqttReason.RETAIN_REFUSED and self._will_retain:
            self._will_retain = False
            self._log_limits(limits_in_words({"RetainAvailable": 0}))
        elif number == MqttReason.QOS_REFUSED and self._will_qos:
            self._will_qos = 0
            self._log_limits(limits_in_words({"MaximumQoS": 0}))
        else:
            return False
        return True

    def _log_outage(self, error: Exception | None) -> None:
        """Log once per outage and per reason; the rest is for debugging."""
        reason = self.problem = describe(error, self._settings)
        level = log.warning if self._outage.is_new(reason) else log.debug
        level(
            "mqtt_unreachable",
            host=self._settings.host,
            port=self._settings.port,
            reason=reason,
        )
