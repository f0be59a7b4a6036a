"""Codec for the MQTT 3.1.1 and 5 packets of a broker without retained messages and QoS 1."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

Version = Literal[4, 5]
"""The protocol level: 4 is MQTT 3.1.1."""

MQTT_3_1_1: Final = 4
MQTT_5: Final = 5

CONNECT: Final = 1
CONNACK: Final = 2
PUBLISH: Final = 3
SUBSCRIBE: Final = 8
SUBACK: Final = 9
UNSUBSCRIBE: Final = 10
UNSUBACK: Final = 11
PINGREQ: Final = 12
PINGRESP: Final = 13
DISCONNECT: Final = 14

SUCCESS: Final = 0
UNSUPPORTED_VERSION: Final = 132
BAD_USER_NAME_OR_PASSWORD: Final = 134
NOT_AUTHORIZED: Final = 135
KEEP_ALIVE_TIMEOUT: Final = 141
SESSION_TAKEN_OVER: Final = 142
QUOTA_EXCEEDED: Final = 151

ASSIGNED_CLIENT_ID: Final = 0x12
"""The CONNACK property with the client ID that the broker assigned."""

MAX_PACKET_BYTES: Final = 256 * 1024
PINGRESP_PACKET: Final = bytes((PINGRESP << 4, 0))
V3_CODES: Final = {0: 0, 132: 1, 133: 2, 134: 4, 135: 5}
"""The return codes of MQTT 3.1.1 for the reason codes of MQTT 5; any other is 3, unavailable."""
V3_UNAVAILABLE: Final = 3
V3_SUBSCRIPTION_FAILED: Final = 0x80


class MalformedPacketError(Exception):
    """A client sent bytes that are not valid MQTT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """A CONNECT packet; `version` is the protocol level, which may be unknown."""

    version: int
    client_id: str
    keepalive_s: int
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subscribe:
    """A SUBSCRIBE packet: topic filters, each with the requested quality of service."""

    packet_id: int
    filters: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """An UNSUBSCRIBE packet."""

    packet_id: int
    filters: tuple[str, ...]


class Packets:
    """Splits a stream of bytes into packets."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Add received bytes; yield the type and body of every packet that is complete.

        Raises:
            MalformedPacketError: the bytes are not valid MQTT.
        """
        self._buffer += data
        while (header := self._header()) is not None:
            start, length = header
            if len(self._buffer) < start + length:
                return
            kind, body = self._buffer[0] >> 4, bytes(self._buffer[start : start + length])
            del self._buffer[: start + length]
            yield kind, body

    def _header(self) -> tuple[int, int] | None:
        """Return where the body of the next packet starts, and its length, once that is known."""
        length = shift = 0
        for index, byte in enumerate(self._buffer[1:5], start=1):
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                if length > MAX_PACKET_BYTES:
                    raise MalformedPacketError("packet too long")
                return index + 1, length
        if shift > 21:  # noqa: PLR2004 - four bytes of seven bits
            raise MalformedPacketError("malformed length")
        return None


class _Reader:
    """Reads the fields of a packet's body."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        return self._at >= len(self._body)

    def read(self, length: int) -> bytes:
        part = self._body[self._at : self._at + length]
        if len(part) < length:
            raise MalformedPacketError("packet too short")
        self._at += length
        return part

    def byte(self) -> int:
        return self.read(1)[0]

    def number(self) -> int:
        return int.from_bytes(self.read(2), "big")

    def binary(self) -> bytes:
        return self.read(self.number())

    def text(self) -> str:
        try:
            return self.binary().decode()
        except UnicodeDecodeError as error:
            raise MalformedPacketError("text is not valid UTF-8") from error

    def skip_properties(self) -> None:
        length = shift = 0
        while True:
            byte = self.byte()
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        self.read(length)


def parse_connect(body: bytes) -> Connect:
    """Parse a CONNECT; a will is skipped.

    Raises:
        MalformedPacketError: it is none.
    """
    reader = _Reader(body)
    reader.text()
    version, flags, keepalive_s = reader.byte(), reader.byte(), reader.number()
    if version == MQTT_5:
        reader.skip_properties()
    client_id = reader.text()
    if flags & 0x04:
        if version == MQTT_5:
            reader.skip_properties()
        reader.text()
        reader.binary()
    username = reader.text() if flags & 0x80 else ""
    password = reader.binary().decode(errors="replace") if flags & 0x40 else ""
    return Connect(
        version=version,
        client_id=client_id,
        keepalive_s=keepalive_s,
        username=username,
        password=password,
    )


def parse_subscribe(body: bytes, version: Version) -> Subscribe:
    """Parse a SUBSCRIBE.

    Raises:
        MalformedPacketError: it is none.
    """
    reader = _Reader(body)
    packet_id = reader.number()
    if version == MQTT_5:
        reader.skip_properties()
    filters = []
    while not reader.is_at_end:
        filters.append((reader.text(), reader.byte() & 0x03))
    return Subscribe(packet_id, tuple(filters))


def parse_unsubscribe(body: bytes, version: Version) -> Unsubscribe:
    """Parse an UNSUBSCRIBE.

    Raises:
        MalformedPacketError: it is none.
    """
    reader = _Reader(body)
    packet_id = reader.number()
    if version == MQTT_5:
        reader.skip_properties()
    filters = []
    while not reader.is_at_end:
        filters.append(reader.text())
    return Unsubscribe(packet_id, tuple(filters))


def connack(version: int, reason: int, assigned_client_id: str = "") -> bytes:
    """Return a CONNACK with a reason code of MQTT 5, translated for MQTT 3.1.1.

    Only MQTT 5 sends the client ID that the broker assigned.
    """
    if version != MQTT_5:
        return _packet(CONNACK, bytes((0, V3_CODES.get(reason, V3_UNAVAILABLE))))
    properties = b""
    if assigned_client_id:
        properties = bytes((ASSIGNED_CLIENT_ID,)) + _text(assigned_client_id)
    return _packet(CONNACK, bytes((0, reason, len(properties))) + properties)


def suback(version: Version, packet_id: int, reasons: Sequence[int]) -> bytes:
    """Return a SUBACK with reason codes of MQTT 5, translated for MQTT 3.1.1."""
    head = struct.pack(">H", packet_id)
    if version == MQTT_5:
        return _packet(SUBACK, head + b"\0" + bytes(reasons))
    return _packet(SUBACK, head + bytes(min(code, V3_SUBSCRIPTION_FAILED) for code in reasons))


def unsuback(version: Version, packet_id: int, count: int) -> bytes:
    """Return an UNSUBACK for `count` topic filters."""
    head = struct.pack(">H", packet_id)
    if version == MQTT_5:
        return _packet(UNSUBACK, head + bytes(1 + count))
    return _packet(UNSUBACK, head)


def publish(version: Version, topic: str, payload: bytes) -> bytes:
    """Return a PUBLISH with quality of service 0."""
    properties = b"\0" if version == MQTT_5 else b""
    return _packet(PUBLISH, _text(topic) + properties + payload)


def disconnect(reason: int) -> bytes:
    """Return a DISCONNECT of MQTT 5; MQTT 3.1.1 has none from the broker."""
    return _packet(DISCONNECT, bytes((reason, 0)))


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">H", len(encoded)) + encoded


def _packet(kind: int, body: bytes) -> bytes:
    header, length = bytearray((kind << 4,)), len(body)
    while True:
        length, low = length >> 7, length & 0x7F
        header.append(low | 0x80 if length else low)
        if not length:
            return bytes(header) + body
