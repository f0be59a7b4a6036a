"""The connection to the broker: made, watched, and made again.

The daemon starts without a broker and outlives every outage of it; it says so once per outage.
"""

import asyncio
import math
import random
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Literal, cast

import aiomqtt
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from bmw2mqtt.config import Mqtt, Tls
from bmw2mqtt.mqtt.publisher import Message, Publisher
from bmw2mqtt.mqtt.topics import COMMAND_SUFFIXES
from bmw2mqtt.vehicle.deadline import elapsed_s
from bmw2mqtt.vehicle.errors import Bmw2MqttError, ConfigError

log = structlog.get_logger(__name__)

QOS = 1
IN_FLIGHT = 20
"""Messages waiting for PUBACK at once: Mosquitto's own limit, and enough to hide the round trip."""
RETRY_AT_MOST_S = 5
"""A broker is next door: asking every few seconds hurts nobody."""
MAX_INCOMING = 100_000
"""Messages waiting to be read: what a thousand cars retain, and a bound for whoever floods us."""
MAX_INCOMING_BYTES = 4 * 2**20
CONNECT_TIMEOUT_S = 10
SHORT_RETRY_AT_MOST_S = 60
"""A broker that lets the bridge in and throws it out again: somebody has to do something."""
STABLE_AFTER_S = 10
"""A connection that is lost sooner counts as another failed attempt."""
TCP_TIMEOUT_S = 3
"""Well below the five seconds in which the daemon stops: a connect cannot be interrupted."""
GOODBYE_S = 1
NO_LOCAL_SINCE = 5
LIMITS = (
    "MaximumPacketSize",
    "ReceiveMaximum",
    "MaximumQoS",
    "RetainAvailable",
    "TopicAliasMaximum",
    "ServerKeepAlive",
    "WildcardSubscriptionAvailable",
)
_FAILURE = 0x80
"""SUBACK codes from here on are refusals."""
_NOT_AUTHORIZED = 0x87


class BrokerError(Bmw2MqttError):
    """The broker cannot be reached or refuses the connection; the message says why."""


class Received:
    """A message that came in, as the rest of the bridge sees it."""

    __slots__ = (
        "correlation_data",
        "expiry_s",
        "is_stale",
        "payload",
        "received_s",
        "response_topic",
        "retain",
        "topic",
    )

    def __init__(
        self,
        message: aiomqtt.Message,
        *,
        is_stale: bool = False,
        received_s: float | None = None,
    ) -> None:
        payload = message.payload
        self.topic = message.topic.value
        self.payload = payload if isinstance(payload, bytes) else b""
        self.retain = message.retain
        self.received_s = elapsed_s() if received_s is None else received_s
        """When it was read, by the clock of the deadlines."""
        self.is_stale = is_stale
        """Whether it may have been on its way for long: commands in it are not carried out."""
        properties = message.properties
        self.response_topic: str | None = getattr(properties, "ResponseTopic", None)
        self.correlation_data: bytes | None = getattr(properties, "CorrelationData", None)
        self.expiry_s: int | None = getattr(properties, "MessageExpiryInterval", None)


class Client(aiomqtt.Client):
    """An MQTT client that heeds what the broker says about limits and rights (MQTT 5)."""

    max_packet_bytes: int | None = None
    receive_maximum: int = 65_535
    limits: Mapping[str, int] = MappingProxyType({})
    """What the broker's CONNACK says of it, in MQTT 5's names."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._client.connect_timeout = TCP_TIMEOUT_S
        self._refused: set[str] = set()

    def _on_connect(self, *args: Any) -> None:  # the library drops the properties
        properties = args[4] if len(args) > 4 else None  # noqa: PLR2004 - paho's signature
        self.receive_maximum = getattr(properties, "ReceiveMaximum", self.receive_maximum)
        self.max_packet_bytes = getattr(properties, "MaximumPacketSize", None)
        self.limits = {n: getattr(properties, n) for n in LIMITS if hasattr(properties, n)}
        self._client._max_inflight_messages = min(IN_FLIGHT, self.receive_maximum)  # noqa: SLF001
        super()._on_connect(*args)

    def _on_publish(self, *args: Any) -> None:  # the library drops the reason
        number, reason = args[2], args[3]
        if reason.value == _NOT_AUTHORIZED:
            self._refused.add(self._client._out_messages[number].topic)  # noqa: SLF001
        super()._on_publish(*args)
        if not self._pending_publishes:
            self._acknowledge_at_once()

    def _acknowledge_at_once(self) -> None:
        """Let the kernel confirm what came from the broker without its usual pause.

        A broker that has Nagle's algorithm on, as Debian's Mosquitto has, holds the next message
        (perhaps a command) back until then: up to 40 ms. Linux only, and to be said each time.
        """
        connection = self._client.socket()
        if isinstance(connection, socket.socket) and hasattr(socket, "TCP_QUICKACK"):
            with suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    async def send(self, message: Message) -> bool:
        """Publish and wait for the acknowledgement, however long: a lost connection ends it.

        Returns:
            Whether the broker lets the bridge write to the topic (with MQTT 3.1.1 nobody knows).
        """
        properties = None
        if message.correlation_data is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.CorrelationData = message.correlation_data
        await self.publish(
            message.topic,
            message.payload,
            qos=QOS,
            retain=message.retain,
            properties=properties,
            timeout=math.inf,
        )
        return message.topic not in self._refused


def tls_context(settings: Tls) -> ssl.SSLContext | None:
    """Return what TLS to the broker needs, `None` without TLS.

    Raises:
        ConfigError: a certificate or key cannot be used.
    """
    if not settings.enabled:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.cert_file:
            context.load_cert_chain(settings.cert_file, settings.key_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            [f"mqtt.tls: a certificate or key cannot be used ({error}); check that it is PEM"]
        ) from error
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Session:
    """One broker, one client id, for as long as the daemon runs."""

    def __init__(
        self,
        settings: Mqtt,
        publisher: Publisher,
        *,
        availability_topic: str,
        filters: Iterable[str],
        on_message: Callable[[Received], None],
        on_subscribed: Callable[[], None] = lambda: None,
    ) -> None:
        self.tried = asyncio.Event()
        """Set once the first attempt to connect has ended, either way."""
        self.connected = asyncio.Event()
        self.connections = 0
        """How many connections there have been."""
        self._on_subscribed = on_subscribed
        self._client: Client | None = None
        self._settings = settings
        self._publisher = publisher
        self._availability_topic = availability_topic
        self._filters = tuple(filters)
        self._on_message = on_message
        self._tls = tls_context(settings.tls)
        self._outage: set[str] = set()
        """What was said about the present outage."""

    async def run(self) -> None:
        """Stay connected until cancelled."""
        loop = asyncio.get_running_loop()
        short_connections = 0
        while True:
            connected_at = loop.time()
            try:
                client = await self._connect()
                connected_at = loop.time()
                self._set_connected(client)
                try:
                    await self._serve(client)
                except asyncio.CancelledError:
                    await self._say_offline(client)
                    raise
                finally:
                    self._client = None
                    self.connected.clear()
                    await self._disconnect(client)
            except* aiomqtt.MqttError as errors:
                self._say_outage(_first(errors))
            is_short = loop.time() - connected_at < STABLE_AFTER_S
            short_connections = short_connections + 1 if is_short else 0
            if is_short:
                longest_s = min(0.5 * 2**short_connections, SHORT_RETRY_AT_MOST_S)
                await asyncio.sleep(random.uniform(0.5, 1) * longest_s)

    async def subscribe(self, filters: Iterable[str]) -> bool:
        """Subscribe to some of the filters again; return whether there is a connection."""
        if self._client is None:
            return False
        try:
            await subscribe(self._client, filters)
        except aiomqtt.MqttError:
            return False
        return True

    async def unsubscribe(self, filters: Iterable[str]) -> None:
        """End some of the subscriptions of this connection; the next one begins with them."""
        if self._client is not None:
            with suppress(aiomqtt.MqttError):
                await self._client.unsubscribe(list(filters))

    async def _say_offline(self, client: Client) -> None:
        """Say so before DISCONNECT: the broker drops the will then."""
        with suppress(aiomqtt.MqttError):
            await client.publish(
                self._availability_topic, b"offline", qos=QOS, retain=True, timeout=GOODBYE_S
            )

    async def _connect(self) -> Client:
        """Try until it works, with growing, random pauses."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(aiomqtt.MqttError),
            wait=wait_random_exponential(multiplier=0.5, max=RETRY_AT_MOST_S),
            before_sleep=self._say_retry,
        )
        async for attempt in retrying:
            with attempt:
                client = make_client(
                    self._settings, self._tls, availability_topic=self._availability_topic
                )
                try:
                    await client.__aenter__()
                except UnicodeError as error:  # the name of a host that cannot be one
                    raise aiomqtt.MqttError(f"{self._settings.host}: {error}") from error
        return client

    async def _disconnect(self, client: Client) -> None:
        with suppress(aiomqtt.MqttError):
            await client.__aexit__(None, None, None)

    def _set_connected(self, client: Client) -> None:
        self._client = client
        self.connections += 1
        self._outage.clear()
        self.tried.set()
        self.connected.set()
        log.info(
            "mqtt_connected",
            host=self._settings.host,
            port=self._settings.port,
            receive_maximum=client.receive_maximum,
        )

    def _say_retry(self, state: RetryCallState) -> None:
        if state.outcome is not None:
            self._say_outage(state.outcome.exception())

    def _say_outage(self, error: BaseException | None) -> None:
        """Log once per outage and per reason; the rest is for debugging."""
        self.tried.set()
        reason = describe(error)
        level = log.debug if reason in self._outage else log.warning
        level(
            "mqtt_unreachable",
            host=self._settings.host,
            port=self._settings.port,
            reason=reason,
            retrying=True,
        )
        self._outage.add(reason)

    async def _serve(self, client: Client) -> None:
        """Subscribe, send everything, and take in what comes until the connection is lost."""
        await subscribe(client, self._filters)
        self._on_subscribed()
        in_flight = min(IN_FLIGHT, client.receive_maximum)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._publisher.run(Connection(client), in_flight))
            tasks.create_task(self._receive(client))

    async def _receive(self, client: Client) -> None:
        async for message in client.messages:
            try:
                self._on_message(Received(message))
            except Exception:  # a bug that one message brings out must not end the daemon
                log.exception("message_crashed", topic=message.topic.value[:255])


class Connection:
    """A client as the publisher sees it."""

    def __init__(self, client: Client) -> None:
        self.max_packet_bytes = client.max_packet_bytes
        self.publish = client.send


def make_client(
    settings: Mqtt,
    tls: ssl.SSLContext | None,
    *,
    availability_topic: str | None,
    client_id: str | None = None,
) -> Client:
    """Make a client that is not yet connected; it announces `offline` when it is lost."""
    will = None
    if availability_topic is not None:
        will = aiomqtt.Will(availability_topic, b"offline", qos=QOS, retain=True)
    client = Client(
        settings.host,
        settings.port,
        username=settings.username,
        password=settings.password.get_secret_value() if settings.password else None,
        identifier=client_id or settings.client_id,
        protocol=_PROTOCOLS[settings.protocol],
        keepalive=settings.keepalive,
        tls_context=tls,
        will=will,
        timeout=CONNECT_TIMEOUT_S,
        max_inflight_messages=IN_FLIGHT,
        max_queued_incoming_messages=MAX_INCOMING,
        properties=_connect_properties() if settings.protocol == "5" else None,
    )
    client.pending_calls_threshold = IN_FLIGHT * 2
    return client


def _connect_properties() -> Properties:
    """Ask the broker to keep from us what is larger than anything we read."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = MAX_INCOMING_BYTES
    return properties


_PROTOCOLS: dict[Literal["5", "3.1.1"], aiomqtt.ProtocolVersion] = {
    "5": aiomqtt.ProtocolVersion.V5,
    "3.1.1": aiomqtt.ProtocolVersion.V311,
}


async def subscribe(client: Client, filters: Iterable[str]) -> None:
    """Subscribe without getting back what this client publishes itself (as far as MQTT 5 goes).

    MQTT 5 also tells of a command that comes while we listen whether it was sent to be retained.
    A refused filter is logged; the rest goes on.
    """
    wanted = tuple(filters)
    if client._client.protocol == NO_LOCAL_SINCE:  # noqa: SLF001 - aiomqtt does not tell
        granted = await client.subscribe([(topic, _options(topic)) for topic in wanted])
    else:
        granted = await client.subscribe([(topic, QOS) for topic in wanted])
    for topic, code in zip(wanted, granted, strict=True):
        if cast("int", getattr(code, "value", code)) >= _FAILURE:
            log.error(
                "mqtt_subscription_refused",
                topic=topic,
                remedy="let the bridge's user read this topic in the broker's access list",
            )


def _options(topic: str) -> SubscribeOptions:
    is_command = topic.endswith(COMMAND_SUFFIXES)
    return SubscribeOptions(qos=QOS, noLocal=True, retainAsPublished=is_command)


def _first(error: BaseException) -> BaseException:
    """Return what lies at the bottom: the broker's own word, if it had one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error.__cause__ or error


def describe(error: BaseException | None) -> str:
    """Say in a person's words why the broker cannot be used."""
    text = str(error or "connection lost")
    code = getattr(error, "rc", None)
    number = getattr(code, "value", code)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return f"{text}: check mqtt.tls.ca_file and that mqtt.host is the certificate's name"
    if number in {4, 5, 134, 135}:
        return f"{text}: check mqtt.username and mqtt.password"
    if number in {7, 128}:
        return "the connection was lost"
    if number == 142:  # noqa: PLR2004 - MQTT 5: session taken over
        return f"{text}: another client uses the same mqtt.client_id"
    if number in {1, 132}:
        return f'{text}: the broker does not speak this version, set mqtt.protocol to "3.1.1"'
    return text
