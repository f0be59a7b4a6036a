"""A broker in the test's own loop that retains, delivers, and goes wrong in every way it can."""

import asyncio
import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from bmw2mqtt.config import Mqtt
from bmw2mqtt.simulator.cardata import mqtt_codec as codec
from bmw2mqtt.simulator.ports import reserve_port
from tests.mqtt.fake_broker import PUBACK, packet

MAXIMUM_PACKET_SIZE = 0x27
IDLE_LIMIT_S = 90.0
QOS_BITS, RETAIN_BIT = 0x06, 0x01


class _Packets(codec.Packets):
    """Yields a packet's first byte instead of its type: the flags are in it."""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        self._buffer += data
        while (header := self._header()) is not None:
            start, length = header
            if len(self._buffer) < start + length:
                return
            first, body = self._buffer[0], bytes(self._buffer[start : start + length])
            del self._buffer[: start + length]
            yield first, body


@dataclass
class Troubles:
    """What the broker does wrong at present; all off: nothing."""

    is_silent: bool = False
    """It neither reads nor answers, and keeps its connections."""
    refusal: int | None = None
    """The reason code with which it refuses to connect."""
    hangs_up_at_connect: bool = False
    poison: re.Pattern[str] | None = None
    """Topics of messages at which it hangs up."""
    ack_delay_s: float = 0.0
    has_suback: bool = True
    is_suback_short: bool = False
    max_packet_bytes: int | None = None


@dataclass(eq=False)
class _Peer:
    """One connection."""

    broker: "SoakBroker"
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    version: codec.Version = 5
    filters: dict[str, re.Pattern[str]] = field(default_factory=dict)
    held: list[bytes] = field(default_factory=list)
    will: tuple[str, bytes] | None = None

    def send(self, data: bytes) -> None:
        if self.broker.troubles.is_silent:
            self.held.append(data)
        elif not self.writer.is_closing():
            self.writer.write(data)

    def wants(self, topic: str) -> bool:
        return any(pattern.fullmatch(topic) for pattern in self.filters.values())

    def deliver(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        properties = b"\0" if self.version == codec.MQTT_5 else b""
        body = codec._text(topic) + properties + payload
        self.send(packet(codec.PUBLISH, body, RETAIN_BIT if retain else 0))

    async def serve(self) -> None:
        cutter = _Packets()
        while True:
            async with asyncio.timeout(IDLE_LIMIT_S):
                data = await self.reader.read(65536)
            if not data:
                return
            await self.broker.awake.wait()
            for first, body in cutter.feed(data):
                if not await self._answer(first, body):
                    return

    async def _answer(self, first: int, body: bytes) -> bool:
        """Answer one packet; return whether the connection goes on."""
        troubles, kind = self.broker.troubles, first >> 4
        match kind:
            case codec.CONNECT:
                return self._connect(body)
            case codec.SUBSCRIBE:
                self._subscribe(body)
            case codec.UNSUBSCRIBE:
                wanted = codec.parse_unsubscribe(body, self.version)
                for topic in wanted.filters:
                    self.filters.pop(topic, None)
                self.send(codec.unsuback(self.version, wanted.packet_id, len(wanted.filters)))
            case codec.PUBLISH:
                return await self._publish(first, body)
            case codec.PINGREQ:
                await self._wait(troubles.ack_delay_s)
                self.send(codec.PINGRESP_PACKET)
            case codec.DISCONNECT:
                self.will = None
                return False
        return True

    def _connect(self, body: bytes) -> bool:
        troubles = self.broker.troubles
        if troubles.hangs_up_at_connect:
            return False
        self.version = 5 if codec.parse_connect(body).version == codec.MQTT_5 else 4
        if troubles.refusal is not None:
            self.send(codec.connack(self.version, troubles.refusal))
            return False
        self.broker.take_over()
        self.will = (self.broker.availability, b"offline")
        limits = b""
        if troubles.max_packet_bytes:
            limits = bytes((MAXIMUM_PACKET_SIZE,)) + struct.pack(">I", troubles.max_packet_bytes)
        tail = bytes((len(limits),)) + limits if self.version == codec.MQTT_5 else b""
        self.send(packet(codec.CONNACK, b"\0\0" + tail))
        self.broker.connects += 1
        return True

    def _subscribe(self, body: bytes) -> None:
        troubles = self.broker.troubles
        wanted = codec.parse_subscribe(body, self.version)
        if not troubles.has_suback:
            return
        codes = [1] * len(wanted.filters)
        if troubles.is_suback_short:
            codes.pop()
        self.send(codec.suback(self.version, wanted.packet_id, codes))
        found = {topic: _pattern(topic) for topic, _ in wanted.filters}
        self.filters |= found
        for topic, payload in list(self.broker.retained.items()):
            if any(pattern.fullmatch(topic) for pattern in found.values()):
                self.deliver(topic, payload, retain=True)

    async def _publish(self, first: int, body: bytes) -> bool:
        troubles = self.broker.troubles
        (length,) = struct.unpack(">H", body[:2])
        topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
        number, rest = (rest[:2], rest[2:]) if first & QOS_BITS else (b"", rest)
        if self.version == codec.MQTT_5:
            rest = rest[1 + rest[0] :]
        if troubles.poison is not None and troubles.poison.search(topic):
            return False
        self.broker.publish(topic, rest, retain=bool(first & RETAIN_BIT))
        if number:
            await self._wait(troubles.ack_delay_s)
            self.send(packet(PUBACK, number))
        return True

    async def _wait(self, seconds: float) -> None:
        if seconds:
            await asyncio.sleep(seconds)


def _pattern(topic_filter: str) -> re.Pattern[str]:
    text = re.escape(topic_filter).replace(r"\+", "[^/]*").replace("+", "[^/]*")
    return re.compile(re.sub(r"/?\\?#$", "(/.*)?", text))


class SoakBroker:
    """Listens on a port of its own, the same one after each restart."""

    availability = "bmw2mqtt/bridge/availability"

    def __init__(self) -> None:
        self.retained: dict[str, bytes] = {}
        self.events: list[tuple[str, bytes]] = []
        """What was published without being retained; the reader empties it."""
        self.troubles = Troubles()
        self.awake = asyncio.Event()
        self.awake.set()
        self.connects = 0
        self.port = 0
        self._peers: set[_Peer] = set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def settings(self) -> Mqtt:
        """How the bridge reaches it."""
        return Mqtt(host="localhost", port=self.port)

    @property
    def is_running(self) -> bool:
        """Whether it accepts connections."""
        return self._server is not None

    @property
    def connections(self) -> int:
        """How many connections it holds, of clients that may have gone."""
        return len(self._tasks)

    async def start(self) -> None:
        """Accept connections, if it does not yet."""
        if self._server is not None:
            return
        self.port = self.port or reserve_port(self)
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """End, and close every connection without a word."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.wake()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def take_over(self) -> None:
        """End the connections of a client that has come again."""
        for peer in list(self._peers):
            if peer.will is not None:
                self._end(peer)

    def _end(self, peer: _Peer) -> None:
        will, peer.will = peer.will, None
        peer.writer.close()
        if will is not None and self._server is not None:
            self.publish(*will, retain=True)

    def hang_up(self) -> None:
        """Close every connection."""
        for peer in list(self._peers):
            peer.writer.close()

    def fall_silent(self) -> None:
        """Stand still, as a process that was stopped."""
        self.troubles.is_silent = True
        self.awake.clear()

    def wake(self) -> None:
        """Go on with what waited meanwhile."""
        self.troubles.is_silent = False
        self.awake.set()
        for peer in self._peers:
            held, peer.held = peer.held, []
            for data in held:
                peer.send(data)

    def recover(self) -> None:
        """Do everything right from now on."""
        self.wake()
        self.troubles = Troubles()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Distribute a message, of the bridge or of anybody."""
        if retain and payload:
            self.retained[topic] = payload
        elif retain:
            self.retained.pop(topic, None)
        else:
            self.events.append((topic, payload))
        for peer in list(self._peers):
            if peer.wants(topic):
                peer.deliver(topic, payload)

    def send_bytes(self, data: bytes) -> None:
        """Send any bytes to everybody."""
        for peer in list(self._peers):
            peer.send(data)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        peer = _Peer(self, reader, writer)
        self._peers.add(peer)
        try:
            with suppress(
                OSError, TimeoutError, codec.MalformedPacketError, asyncio.CancelledError
            ):
                await peer.serve()
        finally:
            self._peers.discard(peer)
            self._tasks.discard(task)
            self._end(peer)
