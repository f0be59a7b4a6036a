"""One client's connection to the stream."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Final, Protocol

from . import mqtt_codec as mqtt

if TYPE_CHECKING:
    from .users import Grant

CONNECT_TIMEOUT_S: Final = 10.0
IDLE_LIMIT_S: Final = 60.0
"""The time without a packet after which BMW disconnects, whatever keep-alive was requested."""
KEEPALIVE_GRACE: Final = 1.5
SHORTEST_CHECK_S: Final = 0.2
CHECK_EVERY_S: Final = 60.0
"""The longest time between two checks whether the client's tokens are still valid."""
MAX_BACKLOG_BYTES: Final = 64 * 1024 * 1024
"""How much may wait for a slow client before its connection is dropped."""


class StreamRules(Protocol):
    """Decides for the connected clients: which may connect and subscribe, and for how long."""

    silent: bool
    """Whether packets are ignored and connections are kept, as if the network lost everything."""
    clients: set[StreamClient]
    """The open connections; a client adds and removes itself."""

    def admit(self, client: StreamClient, packet: mqtt.Connect) -> tuple[int, Grant | None]:
        """Return the reason code that answers a CONNECT, and on success the client's tokens."""

    def left_s(self, grant: Grant) -> float:
        """Return for how many more seconds a client may stay connected with these tokens."""

    def may_subscribe(self, client: StreamClient, topic_filter: str) -> bool:
        """Return whether a client may subscribe to a topic filter."""

    def release(self, client: StreamClient) -> None:
        """Allow the client's user to connect again."""


class StreamClient(asyncio.Protocol):
    """One connection: parses packets, asks the broker for decisions and answers."""

    def __init__(self, broker: StreamRules) -> None:
        self._broker = broker
        self._packets = mqtt.Packets()
        self._transport: asyncio.Transport | None = None
        self._check_timer: asyncio.TimerHandle | None = None
        self._last_packet_at = 0.0
        self._idle_limit_s = CONNECT_TIMEOUT_S
        self.source = ""
        self.version: mqtt.Version = 4
        self.client_id = ""
        self.grant: Grant | None = None
        """The tokens it connected with; `None` before."""
        self.filters: set[str] = set()

    @property
    def unread_bytes(self) -> int:
        """How many bytes the client has not read yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to wait for the client's CONNECT."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self._transport = transport
        self._last_packet_at = asyncio.get_running_loop().time()
        self.source = str(transport.get_extra_info("peername")[0])
        self._broker.clients.add(self)
        self._check_later()

    def connection_lost(self, _error: Exception | None) -> None:
        """Remove the client."""
        self._transport = None
        if self._check_timer is not None:
            self._check_timer.cancel()
        self._broker.release(self)
        self._broker.clients.discard(self)

    def data_received(self, data: bytes) -> None:
        """Process the received packets."""
        self._last_packet_at = asyncio.get_running_loop().time()
        if self._broker.silent:
            return
        try:
            for kind, body in self._packets.feed(data):
                self._handle(kind, body)
        except mqtt.MalformedPacketError:
            self.disconnect()

    def _handle(self, kind: int, body: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if (kind == mqtt.CONNECT) != (self.grant is None):
            raise mqtt.MalformedPacketError("CONNECT comes first, and once")
        match kind:
            case mqtt.CONNECT:
                self._connect(mqtt.parse_connect(body))
            case mqtt.SUBSCRIBE:
                self._subscribe(mqtt.parse_subscribe(body, self.version))
            case mqtt.UNSUBSCRIBE:
                packet = mqtt.parse_unsubscribe(body, self.version)
                self.filters.difference_update(packet.filters)
                count = len(packet.filters)
                self.send(mqtt.unsuback(self.version, packet.packet_id, count))
            case mqtt.PINGREQ:
                self.send(mqtt.PINGRESP_PACKET)
            case mqtt.PUBLISH:
                self.disconnect(mqtt.NOT_AUTHORIZED)
            case mqtt.DISCONNECT:
                self.disconnect()
            case _:
                raise mqtt.MalformedPacketError(f"unexpected packet {kind}")

    def _connect(self, packet: mqtt.Connect) -> None:
        assigned = "" if packet.client_id else str(uuid.uuid4())
        self.client_id = packet.client_id or assigned
        reason, grant = self._broker.admit(self, packet)
        self.version = mqtt.MQTT_5 if packet.version == mqtt.MQTT_5 else mqtt.MQTT_3_1_1
        self.send(mqtt.connack(self.version, reason, assigned))
        if grant is None:
            self.close()
            return
        self.grant = grant
        self._idle_limit_s = min(packet.keepalive_s * KEEPALIVE_GRACE or IDLE_LIMIT_S, IDLE_LIMIT_S)
        self._check_later()

    def _subscribe(self, packet: mqtt.Subscribe) -> None:
        reasons = [
            qos if self._broker.may_subscribe(self, topic_filter) else mqtt.NOT_AUTHORIZED
            for topic_filter, qos in packet.filters
        ]
        self.send(mqtt.suback(self.version, packet.packet_id, reasons))
        if mqtt.NOT_AUTHORIZED in reasons:
            self.close()
            return
        self.filters.update(topic_filter for topic_filter, _ in packet.filters)

    def is_subscribed_to(self, gcid: str, vin: str) -> bool:
        """Return whether the client subscribed to the messages of a car."""
        return not self.filters.isdisjoint((f"{gcid}/+", f"{gcid}/#", f"{gcid}/{vin}"))

    def _check_later(self) -> None:
        """Schedule the next check of the client's time limits."""
        if self._check_timer is not None:
            self._check_timer.cancel()
        loop = asyncio.get_running_loop()
        left_s = self._last_packet_at + self._idle_limit_s - loop.time()
        if self.grant is not None:
            left_s = min(left_s, self._broker.left_s(self.grant))
        left_s = min(max(left_s, SHORTEST_CHECK_S), CHECK_EVERY_S)
        self._check_timer = loop.call_later(left_s, self.check_limits)

    def check_limits(self) -> None:
        """Disconnect the client if its token has expired or if it is silent for too long."""
        if not self._broker.silent:
            if asyncio.get_running_loop().time() - self._last_packet_at >= self._idle_limit_s:
                self.disconnect(mqtt.KEEP_ALIVE_TIMEOUT)
            elif self.grant is not None and self._broker.left_s(self.grant) <= 0:
                self.disconnect(mqtt.NOT_AUTHORIZED)
        self._check_later()

    def send(self, packet: bytes) -> None:
        """Send a packet; drop the connection if too much is unread."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(packet)
        if self._transport.get_write_buffer_size() > MAX_BACKLOG_BYTES:
            self._transport.abort()

    def disconnect(self, reason: int | None = None) -> None:
        """Close the connection, with a reason code if the client uses MQTT 5."""
        if reason is not None and self.grant is not None and self.version == mqtt.MQTT_5:
            self.send(mqtt.disconnect(reason))
        self.close()

    def close(self) -> None:
        """Close the connection after everything was sent."""
        self._broker.release(self)
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()
