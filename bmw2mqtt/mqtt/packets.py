"""Refuses packets that no broker may send, before the MQTT library handles or stores them.

paho-mqtt reads as many bytes as a header claims, keeps every QoS 2 message until its release, and
handles packets that make no sense in the present state of the connection.
"""

from collections.abc import Callable
from typing import Any, Self

import aiomqtt
import structlog
from paho.mqtt.client import CONNACK, DISCONNECT, PINGRESP, PUBACK, PUBLISH, SUBACK, UNSUBACK

log = structlog.get_logger(__name__)

MAX_INCOMING_BYTES = 2**20
"""Larger packets are skipped; an image that an earlier run published is smaller."""
_READ_BYTES = 2**16
_QOS_BITS = 0x06
_QOS_2 = 0x04
_TLS_ALERT = 0x15
_BEFORE_CONNACK = frozenset({CONNACK, DISCONNECT})
_AFTER_CONNACK = frozenset({PUBLISH, PUBACK, SUBACK, UNSUBACK, PINGRESP, DISCONNECT})


class ProtocolError(aiomqtt.MqttError):
    """The broker sent what it must not send; the message says what."""


class TlsExpectedError(ProtocolError):
    """The peer answered in TLS."""


class _Discarded(bytearray):
    """The body of a packet that is too long: it stays empty."""

    def __iadd__(self, _: object) -> Self:
        return self


class PacketGuard:
    """Stands between the socket and one paho client."""

    def __init__(self, paho: Any, on_ping_answered: Callable[[], None]) -> None:
        self.read_error: OSError | None = None
        """Why the last read failed: the library only records that it did."""
        self.connack_code: int | None = None
        """What the broker answered to CONNECT: the library drops some of the answers."""
        self._paho = paho
        self._on_ping_answered = on_ping_answered
        self._is_connected = False
        self._has_discarded = False
        self._receive, paho._sock_recv = paho._sock_recv, self._checked_receive  # noqa: SLF001
        self._handle, paho._packet_handle = paho._packet_handle, self._checked_handle  # noqa: SLF001

    def _checked_receive(self, size: int) -> bytes:
        packet = self._paho._in_packet  # noqa: SLF001
        if size > MAX_INCOMING_BYTES and not packet["packet"]:
            packet["packet"] = _Discarded()
        try:
            data: bytes = self._receive(min(size, _READ_BYTES))
        except BlockingIOError:
            raise
        except OSError as error:
            self.read_error = error
            raise
        if data and packet["command"] == 0:
            self._check_kind(data[0])
        return data

    def _check_kind(self, header: int) -> None:
        """Refuse a packet at its first byte: the rest may never come.

        Raises:
            ProtocolError: the broker must not send it now.
        """
        if not self._is_connected and header == _TLS_ALERT:
            raise TlsExpectedError("the broker answered in TLS")
        allowed = _AFTER_CONNACK if self._is_connected else _BEFORE_CONNACK
        kind = header & 0xF0
        if kind not in allowed:
            raise ProtocolError(f"the broker sent a packet of type {kind >> 4} out of turn")
        if kind == PUBLISH and header & _QOS_BITS >= _QOS_2:
            raise ProtocolError("the broker sent a message with QoS 2, which nobody asked for")

    def _checked_handle(self) -> Any:
        packet = self._paho._in_packet  # noqa: SLF001
        kind = packet["command"] & 0xF0
        if isinstance(packet["packet"], _Discarded):
            return self._discarded(packet["remaining_length"])
        if kind == CONNACK:
            self._is_connected = True
            self.connack_code = packet["packet"][1] if len(packet["packet"]) > 1 else None
        result = self._handle()
        if kind == PINGRESP:
            self._on_ping_answered()
        return result

    def _discarded(self, size: int) -> int:
        if not self._has_discarded:
            self._has_discarded = True
            log.warning(
                "message_too_long",
                packet_bytes=size,
                limit_bytes=MAX_INCOMING_BYTES,
                remedy="another client publishes below mqtt.base_topic; bmw2mqtt ignores it",
            )
        return 0
