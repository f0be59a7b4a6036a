"""A broker for faults that a real one does not have: in the test's own loop, on a real socket."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from bmw2mqtt.config import Mqtt
from bmw2mqtt.simulator.cardata import mqtt_codec as codec
from bmw2mqtt.simulator.cardata.mqtt_codec import Packets

PUBACK = 4


@dataclass
class Published:
    """What the bridge published."""

    topic: str
    payload: bytes
    packet_id: int


def property_byte(identifier: int, value: int) -> bytes:
    """A property of one byte."""
    return bytes((identifier, value))


def packet(kind: int, body: bytes, flags: int = 0) -> bytes:
    """Return a packet with a correct length."""
    made = bytearray(codec._packet(kind, body))
    made[0] |= flags
    return bytes(made)


@dataclass(eq=False)
class Peer:
    """One connection as the broker sees it."""

    broker: "FakeBroker"
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    version: int = 5
    published: list[Published] = field(default_factory=list)
    packets: list[tuple[int, bytes]] = field(default_factory=list)
    thawed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.thawed.set()

    def send(self, data: bytes) -> None:
        """Send bytes, if the client is still there."""
        if not self.writer.is_closing():
            self.writer.write(data)

    def hang_up(self) -> None:
        """Close the connection without a word."""
        self.writer.close()

    def message(self, topic: str, payload: bytes, *, flags: int = 0) -> None:
        """Send a PUBLISH with QoS 0 (or what the flags say)."""
        properties = b"\0" if self.version == 5 else b""
        number = b"\0\x01" if flags & 0x06 else b""
        self.send(packet(3, codec._text(topic) + number + properties + payload, flags))

    def count(self, kind: int) -> int:
        """How many packets of a type came."""
        return sum(found == kind for found, _ in self.packets)

    async def serve(self) -> None:
        """Answer as a broker does, except where the test's `answer` takes over."""
        cutter = Packets()
        while data := await self.reader.read(65536):
            for kind, body in cutter.feed(data):
                self.packets.append((kind, body))
                await self.thawed.wait()
                if not await self.broker.answer(self, kind, body):
                    self.respond(kind, body)

    def respond(self, kind: int, body: bytes) -> None:
        """Give the usual answer."""
        if kind == codec.CONNECT:
            self.version = codec.parse_connect(body).version
            properties = self.broker.limits
            tail = bytes((len(properties),)) + properties if self.version == 5 else b""
            self.send(packet(codec.CONNACK, b"\0\0" + tail))
        elif kind == codec.SUBSCRIBE:
            subscribe = codec.parse_subscribe(body, 5 if self.version == 5 else 4)
            count = len(subscribe.filters)
            self.send(codec.suback(self.version, subscribe.packet_id, [1] * count))  # type: ignore[arg-type]
        elif kind == codec.UNSUBSCRIBE:
            self.send(
                codec.unsuback(5 if self.version == 5 else 4, *struct.unpack(">H", body[:2]), 0)
            )
        elif kind == codec.PUBLISH:
            self.send(packet(PUBACK, body_id(self, body)))
        elif kind == codec.PINGREQ:
            self.send(codec.PINGRESP_PACKET)


def body_id(peer: Peer, body: bytes) -> bytes:
    """Record a PUBLISH with QoS 1; return its packet id."""
    (length,) = struct.unpack(">H", body[:2])
    topic = body[2 : 2 + length].decode()
    number = body[2 + length : 4 + length]
    skip = 1 if peer.version == 5 else 0
    payload = body[4 + length + skip :]
    peer.published.append(Published(topic, payload, int.from_bytes(number, "big")))
    return number


Answer = Callable[[Peer, int, bytes], Awaitable[bool]]


async def nothing_special(_: Peer, __: int, ___: bytes) -> bool:
    """Let the broker answer as usual."""
    return False


class FakeBroker:
    """Listens on a port of its own."""

    settings: Mqtt
    """How the bridge reaches it."""

    def __init__(self, answer: Answer = nothing_special, limits: bytes = b"") -> None:
        self.answer = answer
        self.limits = limits
        """Properties of the CONNACK, encoded."""
        self.peers: list[Peer] = []
        self.open: set[Peer] = set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.settings = Mqtt(host="localhost", port=self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        peer = Peer(self, reader, writer)
        self.peers.append(peer)
        self.open.add(peer)
        try:
            with suppress(OSError, codec.MalformedPacketError, asyncio.CancelledError):
                await peer.serve()
        finally:
            self.open.discard(peer)
            self._tasks.discard(task)
            writer.close()


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for a condition with a limit, in the loop's time."""
    pause_s = 0.01
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, 1)
