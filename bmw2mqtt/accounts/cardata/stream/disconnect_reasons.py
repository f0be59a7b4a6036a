"""Why BMW's stream refused or ended a connection: MQTT codes and system errors to reasons."""

import errno
import socket
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from bmw2mqtt.mqtt_reason import MqttReason, reason_number


class DisconnectKind(Enum):
    """The kind of a reason: it decides when to try again."""

    OFFLINE = auto()
    """BMW's name was not found: trying again does not reach BMW."""
    LOST = auto()
    """The connection broke, or could not be made."""
    REFUSED = auto()
    """BMW does not accept the token."""
    IDLE = auto()
    """BMW closed a connection without traffic."""
    TAKEN_OVER = auto()
    """Another client connected with our client id."""
    BUSY = auto()
    """BMW counts too many connects."""
    ODD = auto()
    """BMW refuses without a reason."""
    SUBSCRIPTION = auto()
    """BMW accepts the connection and refuses the subscription."""
    CRASHED = auto()
    """A bug of our own."""
    TLS = auto()
    """No common TLS version, or a certificate that is not trusted."""


@dataclass(frozen=True, slots=True)
class DisconnectReason:
    """One refusal or loss."""

    kind: DisconnectKind
    sentence: str


_UNKNOWN_LOGIN: Final = (DisconnectKind.REFUSED, "BMW's stream does not know this login")
_LOGIN_REFUSED: Final = (DisconnectKind.REFUSED, "BMW's stream does not accept the login")
_NOT_AVAILABLE: Final = (DisconnectKind.BUSY, "BMW's stream is not available")
_MANY_CONNECTS: Final = (DisconnectKind.BUSY, "BMW's stream reports too many connects")
_CODES: Final[dict[int | None, tuple[DisconnectKind, str]]] = {
    MqttReason.V3_VERSION_REFUSED: (
        DisconnectKind.ODD,
        "BMW's stream does not support this version of MQTT",
    ),
    MqttReason.V3_SERVER_UNAVAILABLE: _NOT_AVAILABLE,
    MqttReason.V3_BAD_LOGIN: _UNKNOWN_LOGIN,
    MqttReason.V3_NOT_AUTHORIZED: _LOGIN_REFUSED,
    MqttReason.UNSPECIFIED: (DisconnectKind.LOST, "the connection to BMW's stream was lost"),
    MqttReason.CLIENT_ID_REFUSED: (
        DisconnectKind.ODD,
        "BMW's stream does not accept the client id",
    ),
    MqttReason.BAD_LOGIN: _UNKNOWN_LOGIN,
    MqttReason.NOT_AUTHORIZED: _LOGIN_REFUSED,
    MqttReason.SERVER_UNAVAILABLE: _NOT_AVAILABLE,
    MqttReason.SERVER_BUSY: (DisconnectKind.BUSY, "BMW's stream is busy"),
    MqttReason.KEEP_ALIVE_TIMEOUT: (DisconnectKind.IDLE, "BMW's stream closed an idle connection"),
    MqttReason.SESSION_TAKEN_OVER: (
        DisconnectKind.TAKEN_OVER,
        "another program has taken over the connection to BMW's stream",
    ),
    MqttReason.QUOTA_EXCEEDED: _MANY_CONNECTS,
    MqttReason.CONNECTION_RATE_EXCEEDED: _MANY_CONNECTS,
}
_NO_NAME: Final = (
    DisconnectKind.OFFLINE,
    "BMW's stream cannot be found: check this machine's network and DNS",
)
NO_TOPIC: Final = DisconnectReason(
    DisconnectKind.SUBSCRIPTION,
    "BMW's stream accepts no subscription: no car of the account has a stream configured; in BMW's"
    " portal open CarData, configure the data stream of each car, and save",
)


_NO_COMMON_VERSION: Final = (
    DisconnectKind.TLS,
    "BMW's stream wants TLS 1.3, which this system's OpenSSL does not offer: update it",
)
_IN_TEXT: Final = {
    "inactivity": _CODES[MqttReason.KEEP_ALIVE_TIMEOUT],
    "PROTOCOL_VERSION": _NO_COMMON_VERSION,
    "UNSUPPORTED_PROTOCOL": _NO_COMMON_VERSION,
    "NO_PROTOCOLS_AVAILABLE": _NO_COMMON_VERSION,
    "CERTIFICATE_VERIFY_FAILED": (
        DisconnectKind.TLS,
        "the certificate of BMW's stream is not trusted: check clock, CA certificates and ca_file",
    ),
}
_NO_NETWORK: Final = {errno.ENETUNREACH, errno.ENETDOWN}


def read_refusal(error: BaseException | None, *, is_connect: bool) -> DisconnectReason:
    """Return the reason for an error of the MQTT library, of a connect or of a connection."""
    number = reason_number(error)
    if is_connect and number == MqttReason.UNSPECIFIED:
        return DisconnectReason(
            DisconnectKind.ODD, "BMW's stream refuses the connection without a reason"
        )
    if number in _CODES:
        return DisconnectReason(*_CODES[number])
    # The MQTT library's own text is the system's, which depends on the C library.
    cause = error.__context__ if error is not None else None
    if isinstance(cause, OSError) and (
        isinstance(cause, socket.gaierror) or cause.errno in _NO_NETWORK
    ):
        return DisconnectReason(*_NO_NAME)
    text = str(error or "connection lost")
    for words, (kind, sentence) in _IN_TEXT.items():
        if words in text:
            return DisconnectReason(kind, sentence)
    return DisconnectReason(DisconnectKind.LOST, f"BMW's stream cannot be reached ({text})")
