"""BMW's stream: an MQTT broker with one client per user, which may only subscribe."""

from __future__ import annotations

import asyncio
import json
import ssl
import uuid
from asyncio.sslproto import SSLProtocol
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from bmw2mqtt.simulator.clock import timestamp
from bmw2mqtt.simulator.ports import reserve_port
from bmw2mqtt.simulator.recording import MAX_RECORDED

from . import mqtt_codec as mqtt
from .reading import SimulatedReading, Value
from .stream_client import StreamClient
from .users import STREAM_SCOPE

if TYPE_CHECKING:
    from bmw2mqtt.simulator.tls import Certificates

    from .users import CarDataUser, Grant, UserRegistry

CONNECT_WINDOW: Final = timedelta(minutes=1)
StreamData = Mapping[str, SimulatedReading | Value | dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamConnect:
    """An attempt to connect, and the MQTT 5 reason code of the answer; 0 is success."""

    at: datetime
    version: int
    client_id: str
    username: str
    password: str = field(repr=False)
    keepalive_s: int
    reason: int


class _TlsConnection(SSLProtocol):
    """TLS of one connection; registers it before the handshake, so that it can be closed."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        client: StreamClient,
        context: ssl.SSLContext,
        transports: set[asyncio.Transport],
    ) -> None:
        waiter = loop.create_future()
        waiter.add_done_callback(_end_handshake)
        super().__init__(loop, client, context, waiter, server_side=True)
        self._transports = transports
        self._raw: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self._raw = transport
        self._transports.add(transport)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._raw is not None:
            self._transports.discard(self._raw)
        super().connection_lost(exc)


def _end_handshake(waiter: asyncio.Future[None]) -> None:
    """Retrieve the error of a failed handshake, so that asyncio does not log it."""
    if not waiter.cancelled():
        waiter.exception()


class StreamBroker:
    """The stream's broker, and the faults that a test can cause.

    `silent` keeps the connections but answers nothing, as a network that swallows everything.
    `refused_subscriptions` counts how many of the next subscriptions are refused. `connect_limit`
    is how many connects a minute one address may try.
    """

    def __init__(
        self,
        registry: UserRegistry,
        *,
        certificates: Certificates,
        clock: Callable[[], datetime],
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.silent = False
        self.refused_subscriptions = 0
        self.connect_limit: int | None = None
        self.clients: set[StreamClient] = set()
        self.connects: deque[StreamConnect] = deque(maxlen=MAX_RECORDED)
        """All attempts to connect, oldest first."""
        self.host = host
        self.port = port
        self._registry = registry
        self._certificates = certificates
        self._clock = clock
        self._listeners: dict[str, StreamClient] = {}
        self._refusals: deque[int] = deque()
        self._tries: defaultdict[str, deque[datetime]] = defaultdict(deque)
        self._server: asyncio.Server | None = None
        self._transports: set[asyncio.Transport] = set()
        """All connections, including those in their handshake."""

    async def start(self) -> None:
        """Start the server; port 0 selects a free port, which a restart uses again."""
        context = self._certificates.server_context(ssl.TLSVersion.TLSv1_3)
        loop = asyncio.get_running_loop()
        self.port = self.port or reserve_port(self, self.host)
        self._server = await loop.create_server(
            lambda: _TlsConnection(loop, StreamClient(self), context, self._transports),
            self.host,
            self.port,
        )

    async def stop(self) -> None:
        """Stop the server and drop all connections."""
        if self._server is not None:
            self._server.close()
            self._server = None
            while self._transports:
                for transport in self._transports:
                    transport.abort()
                await asyncio.sleep(0)

    def publish(self, vin: str, data: StreamData) -> bool:
        """Send readings of a car in one message; return whether a client received it.

        A reading may be given as its value alone, measured now, or as the JSON to be sent.
        """
        return self.publish_raw(vin, self.message(vin, data))

    def message(self, vin: str, data: StreamData) -> bytes:
        """Return the payload of a message with readings of a car."""
        now = self._clock()
        body = {
            "vin": vin,
            "entityId": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{vin}.stream")),
            "topic": vin,
            "timestamp": timestamp(now),
            "data": {name: _entry(reading, now) for name, reading in data.items()},
        }
        return json.dumps(body).encode()

    def publish_raw(self, vin: str, payload: bytes) -> bool:
        """Send any payload as a message of a car; return whether a client received it."""
        sent = [self._send(user, vin, payload) for user in self._registry.stream_users(vin)]
        return any(sent)

    def _send(self, user: CarDataUser, vin: str, payload: bytes) -> bool:
        client = self.client_of(user.gcid)
        if client is None or self.silent or not client.is_subscribed_to(user.gcid, vin):
            return False
        client.send(mqtt.publish(client.version, f"{user.gcid}/{vin}", payload))
        return True

    def report(self, vin: str, readings: Mapping[str, SimulatedReading]) -> None:
        """Send each user the reported readings that it selected in the portal."""
        for user in self._registry.stream_users(vin):
            selected = user.selected_descriptors
            sent = {
                name: reading
                for name, reading in readings.items()
                if selected is None or name in selected
            }
            if sent:
                self._send(user, vin, self.message(vin, sent))

    def client_of(self, gcid: str) -> StreamClient | None:
        """Return the connected client of a user; there is at most one."""
        return self._listeners.get(gcid)

    def is_subscribed(self, gcid: str) -> bool:
        """Return whether a user is connected and has subscribed."""
        client = self.client_of(gcid)
        return client is not None and bool(client.filters)

    def refuse_connects(self, times: int, reason: int = mqtt.NOT_AUTHORIZED) -> None:
        """Refuse the next connects with a reason code of MQTT 5, translated for MQTT 3.1.1."""
        self._refusals.extend([reason] * times)

    def drop_all(self, reason: int | None = None) -> None:
        """Disconnect all clients, with a reason code of MQTT 5 or as a network failure."""
        for client in list(self.clients):
            client.disconnect(reason)

    def take_over(self, gcid: str, client_id: str = "another client") -> None:
        """Disconnect a user's client, as if another client connected."""
        self._evict(gcid, client_id)

    def check_clients(self) -> None:
        """Disconnect clients whose time is over; call this after a test has set the clock."""
        for client in list(self.clients):
            client.check_limits()

    def admit(self, client: StreamClient, packet: mqtt.Connect) -> tuple[int, Grant | None]:
        """Return the reason code that answers a CONNECT, and on success the client's tokens."""
        grant = None
        reason = self._reason_to_refuse(client, packet)
        if reason == mqtt.SUCCESS:
            grant = self._registry.by_id_token(packet.password)
            self._evict(packet.username, client.client_id)
            self._listeners[packet.username] = client
        self.connects.append(
            StreamConnect(
                at=self._clock(),
                version=packet.version,
                client_id=packet.client_id,
                username=packet.username,
                password=packet.password,
                keepalive_s=packet.keepalive_s,
                reason=reason,
            )
        )
        return reason, grant

    def _reason_to_refuse(self, client: StreamClient, packet: mqtt.Connect) -> int:
        if packet.version not in (mqtt.MQTT_3_1_1, mqtt.MQTT_5):
            return mqtt.UNSUPPORTED_VERSION
        if self._connects_too_often(client.source):
            return mqtt.QUOTA_EXCEEDED
        if self._refusals:
            return self._refusals.popleft()
        grant = self._registry.by_id_token(packet.password)
        if grant is None or self._is_over(grant):
            return mqtt.NOT_AUTHORIZED
        if grant.user.gcid != packet.username:
            return mqtt.BAD_USER_NAME_OR_PASSWORD
        return mqtt.SUCCESS

    def _is_over(self, grant: Grant) -> bool:
        return self.left_s(grant) <= 0

    def left_s(self, grant: Grant) -> float:
        """Return for how many more seconds a client may stay connected with these tokens."""
        if STREAM_SCOPE not in grant.scope or STREAM_SCOPE not in grant.user.granted:
            return 0.0
        return (grant.id_expires_at - self._clock()).total_seconds()

    def _connects_too_often(self, source: str) -> bool:
        tries, now = self._tries[source], self._clock()
        while tries and now - tries[0] >= CONNECT_WINDOW:
            tries.popleft()
        tries.append(now)
        return self.connect_limit is not None and len(tries) > self.connect_limit

    def _evict(self, gcid: str, client_id: str) -> None:
        """Close a user's connection in favour of a new one."""
        client = self.client_of(gcid)
        if client is not None:
            is_same = client.client_id == client_id
            client.disconnect(mqtt.SESSION_TAKEN_OVER if is_same else None)

    def release(self, client: StreamClient) -> None:
        """Allow the client's user to connect again."""
        for gcid, listener in list(self._listeners.items()):
            if listener is client:
                del self._listeners[gcid]

    def may_subscribe(self, client: StreamClient, topic_filter: str) -> bool:
        """Return whether a topic filter selects one or all of the client's own cars."""
        if client.grant is None:
            return False
        if self.refused_subscriptions > 0:
            self.refused_subscriptions -= 1
            return False
        user = client.grant.user
        gcid, _, name = topic_filter.partition("/")
        return gcid == user.gcid and (name in ("+", "#") or _streams(user, name))


def _streams(user: CarDataUser, vin: str) -> bool:
    return user.streams(vin)


def _entry(reading: SimulatedReading | Value | dict[str, Any], now: datetime) -> dict[str, Any]:
    if isinstance(reading, dict):
        return reading
    if not isinstance(reading, SimulatedReading):
        reading = SimulatedReading(reading, None, now)
    return reading.streamed()
