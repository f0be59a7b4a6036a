"""One connection to the broker: opened, watched and closed.

aiomqtt's client on a socket of our own. Whatever a broker sends, or does not, ends in `lost`; all
that was opened is closed by then.
"""

import asyncio
import math
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Self

import aiomqtt
import paho.mqtt.client as paho_client
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bmw2mqtt.mqtt.command_gate import CommandGate
from bmw2mqtt.mqtt.errors import NoAnswerError
from bmw2mqtt.mqtt.message import Message
from bmw2mqtt.mqtt.packets import PacketGuard, ProtocolError
from bmw2mqtt.mqtt.publisher import NOT_AUTHORIZED
from bmw2mqtt.mqtt.received import Received
from bmw2mqtt.mqtt.stall import BEAT_S, StallDetector
from bmw2mqtt.mqtt.transport import TlsError, open_socket
from bmw2mqtt.network_errors import describe_network_error

log = structlog.get_logger(__name__)

QOS = 1
IN_FLIGHT = 20
"""Messages waiting for PUBACK at once: Mosquitto's own limit, and enough to hide the round trip."""
CONNECT_TIMEOUT_S = 10.0
GOODBYE_S = 1.0
PING_EVERY_S = 3.0
"""Often enough to notice every broker that stood still for ten seconds, see `StallDetector`."""
LIMITS = (
    "MaximumPacketSize",
    "ReceiveMaximum",
    "MaximumQoS",
    "RetainAvailable",
    "TopicAliasMaximum",
    "ServerKeepAlive",
    "WildcardSubscriptionAvailable",
)
FAILURE = 0x80
"""Reason codes from here on are refusals."""
_NOT_AUTHORIZED = 0x87


Clock = Callable[[], float]


class Client(aiomqtt.Client):
    """An MQTT client that keeps to the broker's limits, and survives whatever the broker sends."""

    max_packet_bytes: int | None = None
    receive_maximum: int = 65_535
    limits: Mapping[str, int] = MappingProxyType({})
    """The limits in the broker's CONNACK, by the names of MQTT 5."""

    def __init__(
        self,
        *args: Any,
        tls: ssl.SSLContext | None,
        clock: Clock,
        on_received: Callable[[Received], None] | None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.lost = asyncio.Event()
        """Set once the connection is gone, for whatever reason."""
        self.error: aiomqtt.MqttError | None = None
        """Why it is gone; `None` while it is there, and after `disconnect`."""
        self._tls = tls
        self._is_up = False
        self._is_leaving = False
        self._unacknowledged: dict[int, asyncio.Future[str | None]] = {}
        self._monitoring: asyncio.Task[None] | None = None
        self._paho: Any = self._client
        self._paho.disable_logger()  # it logs every attempt
        self._clock = clock
        self._stall = StallDetector(clock)
        self._keeps_messages = on_received is None
        self._gate = CommandGate(self._stall, self._send_ping, on_received or (lambda _: None))
        self._pinged_at = -math.inf
        self._guard = PacketGuard(self._paho, self._gate.ping_answered)

    @property
    def is_connected(self) -> bool:
        """Whether the broker has accepted the connection and it is still there."""
        return self._is_up

    # Connecting and closing

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            aiomqtt.MqttError: there is no broker, or it refuses; nothing stays open.
        """
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                connection = await open_socket(self._hostname, self._port, self._tls)
                self._paho._create_socket = lambda: connection  # noqa: SLF001
                self._client_connect()
                await self._connected
        except TimeoutError as error:
            self.close()
            if error.args:
                raise aiomqtt.MqttError(str(error)) from error
            raise aiomqtt.MqttError(
                f"the broker accepts connections but sends nothing ({CONNECT_TIMEOUT_S:.0f} s)"
            ) from error
        except OSError as error:
            self.close()
            is_ours = isinstance(error, TlsError)
            raise aiomqtt.MqttError(
                str(error) if is_ours else describe_network_error(error)
            ) from error
        except BaseException:
            self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        await self.disconnect()

    async def disconnect(self) -> None:
        """Send DISCONNECT if there still is a connection, and close it in any case."""
        try:
            if self._is_up and not self.lost.is_set():
                self._is_leaving = True
                self._paho.disconnect()
                async with asyncio.timeout(GOODBYE_S):
                    await self.lost.wait()
        except TimeoutError:
            log.debug("mqtt_goodbye_timed_out")
        finally:
            self.close()

    def close(self) -> None:
        """Close everything at once; the broker publishes the will."""
        if self.lost.is_set():
            return
        self.lost.set()
        self._is_up = False
        if self._monitoring is not None:
            self._monitoring.cancel()
        self._close_socket()
        self._gate.close()
        error = self.error or aiomqtt.MqttError("the connection was closed")
        waiting: tuple[asyncio.Future[Any], ...] = (
            self._connected,
            self._disconnected,
            *self._unacknowledged.values(),
            *self._pending_subscribes.values(),
        )
        for future in waiting:
            if not future.done():
                future.set_exception(error)
                future.exception()  # retrieved, so that asyncio does not log it
        for unsubscribed in self._pending_unsubscribes.values():
            unsubscribed.set()

    def _close_socket(self) -> None:
        """Close it without the library, which would wait for a lock that its callbacks hold."""
        connection, self._paho._sock = self._paho._sock, None  # noqa: SLF001
        if connection is None:
            return
        with suppress(OSError, ValueError):
            self._loop.remove_reader(connection.fileno())
            self._loop.remove_writer(connection.fileno())
        connection.close()

    def _lose(self, error: aiomqtt.MqttError) -> None:
        if not self.lost.is_set():
            self.error = None if self._is_leaving else error
            self.close()

    # What the library calls

    def _on_connect(self, *args: Any) -> None:  # the library drops the properties
        flags, reason, properties = args[2], args[3], args[4] if len(args) > 4 else None  # noqa: PLR2004
        if self._connected.done():
            return
        if reason.is_failure:
            self._lose(aiomqtt.exceptions.MqttConnectError(reason))
            return
        if flags.session_present:
            self._lose(aiomqtt.MqttError("the broker resumed a session that must not exist"))
            return
        self.receive_maximum = getattr(properties, "ReceiveMaximum", self.receive_maximum)
        self.max_packet_bytes = getattr(properties, "MaximumPacketSize", None)
        self.limits = {n: getattr(properties, n) for n in LIMITS if hasattr(properties, n)}
        self._keepalive = self.limits.get("ServerKeepAlive", self._keepalive)
        self._paho._max_inflight_messages = min(IN_FLIGHT, self.receive_maximum)  # noqa: SLF001
        self._is_up = True
        self._stall.beat()
        self._monitoring = self._loop.create_task(self._monitor())
        self._connected.set_result(None)

    def _on_disconnect(self, *args: Any) -> None:
        flags, reason = args[2], args[3]
        error: aiomqtt.MqttError = aiomqtt.MqttCodeError(reason, "Unexpected disconnection")
        if self._guard.connack_code == 1:  # the library says nothing about it
            error = aiomqtt.MqttCodeError(1)
        elif isinstance(self._guard.read_error, ssl.SSLError):
            error = aiomqtt.MqttError(str(self._guard.read_error))
            error.__cause__ = self._guard.read_error
        elif not self._is_up and not flags.is_disconnect_packet_from_server:
            error = NoAnswerError(CLOSED_AT_ONCE)
        self._lose(error)

    def _on_publish(self, *args: Any) -> None:  # the library drops the reason
        number, reason = args[2], args[3]
        waiting = self._unacknowledged.pop(number, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(_refusal(reason.value, str(reason)))
        if not self._unacknowledged:
            self._acknowledge_at_once()

    def _on_subscribe(self, *args: Any) -> None:
        if args[2] in self._pending_subscribes:
            super()._on_subscribe(*args)

    def _on_unsubscribe(self, *args: Any) -> None:
        if args[2] in self._pending_unsubscribes:
            super()._on_unsubscribe(*args)

    def _on_message(self, *args: Any) -> None:
        try:
            message = aiomqtt.Message._from_paho_message(args[2])  # noqa: SLF001
            received = Received(message, received_s=self._clock())
        except ValueError:  # a topic that cannot be one
            log.debug("message_ignored", reason="not a valid topic")
            return
        if self._keeps_messages:
            with suppress(asyncio.QueueFull):
                self._queue.put_nowait(message)
            return
        self._gate.message_received(received, is_repeated=args[2].dup)

    def _on_socket_open(self, _: Any, __: Any, connection: Any) -> None:
        self._loop.add_reader(connection.fileno(), self._read)

    def _on_socket_close(self, _: Any, __: Any, connection: Any) -> None:
        self._loop.remove_reader(connection.fileno())

    def _on_socket_register_write(self, _: Any, __: Any, connection: Any) -> None:
        self._loop.add_writer(connection.fileno(), self._write)

    def _read(self) -> None:
        try:
            self._paho.loop_read()
            # TLS may buffer bytes for which the selector does not fire.
            while isinstance(self._paho._sock, ssl.SSLSocket) and self._paho._sock.pending():  # noqa: SLF001
                self._paho.loop_read()
        except Exception as error:  # noqa: BLE001 - what the broker sent was no MQTT
            self._lose(_as_mqtt_error(error))

    def _write(self) -> None:
        try:
            self._paho.loop_write()
        except Exception as error:  # noqa: BLE001 - the socket broke
            self._lose(_as_mqtt_error(error))

    # Watching

    async def _monitor(self) -> None:
        """Ping the broker, and close the connection when no answer comes."""
        while not self.lost.is_set():
            self._gate.beat()
            patience_s = self._keepalive or 60
            if self._stall.unanswered_s >= patience_s:
                self._lose(NoAnswerError(f"the broker has not answered for {patience_s} s"))
                return
            if self._loop.time() - self._pinged_at >= min(PING_EVERY_S, patience_s / 2):
                self._send_ping()
            await asyncio.sleep(BEAT_S)

    def _send_ping(self) -> None:
        self._pinged_at = self._loop.time()
        self._stall.ping_sent()
        self._paho._send_pingreq()  # noqa: SLF001

    def _acknowledge_at_once(self) -> None:
        """Let the kernel acknowledge TCP segments without its usual delay.

        A broker that has Nagle's algorithm on, as Debian's Mosquitto has, holds the next message
        (perhaps a command) back until then: up to 40 ms. Linux only, and to be set again each time.
        """
        connection = self._paho.socket()
        if isinstance(connection, socket.socket) and hasattr(socket, "TCP_QUICKACK"):
            with suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    # Publishing

    async def publish_message(self, message: Message) -> str | None:
        """Publish and wait for the acknowledgement, however long: a lost connection ends it.

        Returns:
            Why the broker refused it; `None`: it accepted it (with MQTT 3.1.1 this is unknown).

        Raises:
            aiomqtt.MqttError: the connection is lost.
        """
        properties = None
        if message.correlation_data is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.CorrelationData = message.correlation_data
        if self.lost.is_set():
            raise aiomqtt.MqttError("the connection is lost") from self.error
        info = self._paho.publish(
            message.topic,
            message.payload,
            min(QOS, self.limits.get("MaximumQoS", QOS)),
            message.retain and bool(self.limits.get("RetainAvailable", 1)),
            properties,
        )
        if info.rc != paho_client.MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(info.rc, "Could not publish message") from self.error
        waiting: asyncio.Future[str | None] = self._loop.create_future()
        self._unacknowledged[info.mid] = waiting
        try:
            return await waiting
        finally:
            self._unacknowledged.pop(info.mid, None)

    async def verify(self) -> None:
        """Ping the broker and wait for its answer, however long: a lost connection ends it.

        Raises:
            aiomqtt.MqttError: the connection is lost.
        """
        self._send_ping()
        number = self._stall.pings_sent
        while self._stall.pings_answered < number and not self.lost.is_set():
            await self._gate.answered.wait()
        if self.lost.is_set():
            raise aiomqtt.MqttError("the connection is lost") from self.error

    async def send(self, message: Message) -> bool:
        """Publish as `publish_message` does; return whether the bridge may write to the topic."""
        return await self.publish_message(message) != NOT_AUTHORIZED


CLOSED_AT_ONCE = (
    "the broker closed the connection without an answer: does mqtt.port want TLS "
    "(mqtt.tls.enabled), is mqtt.client_id allowed, is mqtt.protocol right?"
)


def _as_mqtt_error(error: Exception) -> aiomqtt.MqttError:
    if isinstance(error, aiomqtt.MqttError):
        return error
    translated = ProtocolError("the broker sent something that is not MQTT")
    translated.__cause__ = error
    return translated


def _refusal(code: int, text: str) -> str | None:
    if code < FAILURE:
        return None
    return NOT_AUTHORIZED if code == _NOT_AUTHORIZED else text
