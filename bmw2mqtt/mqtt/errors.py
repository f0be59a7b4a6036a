"""Faults of the broker and of its connection in plain English, with the setting to change."""

import ssl
from collections.abc import Mapping

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from bmw2mqtt.config import Mqtt
from bmw2mqtt.mqtt.packets import ProtocolError, TlsExpectedError
from bmw2mqtt.mqtt.transport import TlsError
from bmw2mqtt.vehicle.errors import Bmw2MqttError

VERSION_REFUSED = (1, 132)
CLIENT_ID_REFUSED = (2, 133)
LOGIN_REFUSED = (4, 5, 134, 135)
BANNED = 138
SERVER_BUSY = (3, 136, 137)
KEEP_ALIVE = 141
SHUTTING_DOWN = 139
TAKEN_OVER = 142
PACKET_TOO_LARGE = 149
QUOTA_EXCEEDED = 151
ADMINISTRATIVE = 152
RETAIN_REFUSED = 154
QOS_REFUSED = 155
SERVER_MOVED = (156, 157)

_LOST = "the connection was lost"
_NOT_TLS = ("WRONG_VERSION", "EOF", "RESET", "RECORD_LAYER", "HANDSHAKE")
_NOT_ABOUT_A_MESSAGE = frozenset(
    {KEEP_ALIVE, SHUTTING_DOWN, TAKEN_OVER, ADMINISTRATIVE, *SERVER_BUSY, *SERVER_MOVED}
)


class BrokerError(Bmw2MqttError):
    """The broker cannot be reached or refuses the connection; the message says why."""


class NoAnswerError(aiomqtt.MqttError):
    """The broker is there, but does not answer; the message says to what."""


def describe(error: BaseException | None, settings: Mqtt | None = None) -> str:
    """Return why the broker cannot be used, and what to do about it.

    Args:
        error: what went wrong.
        settings: the broker's, for remedies that depend on them.
    """
    if isinstance(error, TlsExpectedError):
        return "this port of the broker wants TLS: set mqtt.tls.enabled: true, or another mqtt.port"
    if isinstance(getattr(error, "__cause__", None), TlsError | ssl.SSLError):
        return _describe_tls(error)
    if isinstance(error, ProtocolError):
        return f"{error}: is mqtt.port the port of an MQTT broker?"
    number = reason_number(error)
    if number is not None:
        return _describe_code(error, number, settings)
    return str(error or "connection lost")


def reason_number(error: BaseException | None) -> int | None:
    """Return the broker's or the library's reason code, `None` if there is none."""
    code = getattr(error, "rc", None)
    number = code.value if isinstance(code, ReasonCode) else code
    return number if isinstance(number, int) else None


def may_be_about_a_message(error: BaseException | None) -> bool:
    """Whether a connection may have been lost because of what was being published.

    A broker with MQTT 3.1.1 only closes the connection, whatever the reason.
    """
    if isinstance(error, NoAnswerError | ProtocolError):
        return False
    return reason_number(error) not in _NOT_ABOUT_A_MESSAGE


def _describe_tls(error: BaseException | None) -> str:
    text = str(error)
    upper = text.upper().replace(" ", "_")
    if "CERTIFICATE_VERIFY_FAILED" in upper:
        return f"{text}: check mqtt.tls.ca_file and that mqtt.host is the certificate's name"
    if "CERTIFICATE_REQUIRED" in upper or "ALERT_HANDSHAKE_FAILURE" in upper:
        return (
            "the broker wants a certificate from its clients: "
            "set mqtt.tls.cert_file and mqtt.tls.key_file"
        )
    if "UNKNOWN_CA" in upper or "ALERT_BAD_CERTIFICATE" in upper or "CERTIFICATE_EXPIRED" in upper:
        return f"the broker refuses our certificate ({text}): check mqtt.tls.cert_file"
    if any(
        word in upper for word in ("WRONG_VERSION", "EOF", "RESET", "RECORD_LAYER", "HANDSHAKE")
    ):
        return (
            "this port of the broker does not speak TLS: "
            "set mqtt.tls.enabled: false, or another mqtt.port (often 8883)"
        )
    return f"TLS failed ({text}): check mqtt.tls and mqtt.port"


def _describe_code(error: BaseException | None, number: int, settings: Mqtt | None) -> str:
    text = str(error)
    name = getattr(settings, "client_id", None)
    described = {
        **dict.fromkeys(LOGIN_REFUSED, f"{text}: check mqtt.username and mqtt.password"),
        **dict.fromkeys((7, 128), _LOST),
        TAKEN_OVER: f"{text}: another client uses the same mqtt.client_id",
        **dict.fromkeys(
            VERSION_REFUSED,
            f'{text}: the broker does not speak this version, set mqtt.protocol to "3.1.1"',
        ),
        **dict.fromkeys(
            CLIENT_ID_REFUSED,
            f"{text}: the broker refuses the client id {name or ''}".rstrip()
            + ", set another mqtt.client_id",
        ),
        BANNED: f"{text}: the broker has banned this client or user; see the broker's log",
        PACKET_TOO_LARGE: f"{text}: raise the broker's maximum packet size",
        RETAIN_REFUSED: f"{text}: allow retained messages in the broker (retain_available)",
        QOS_REFUSED: f"{text}: allow QoS 1 in the broker (max_qos)",
        QUOTA_EXCEEDED: f"{text}: raise the broker's limit for this client",
        **dict.fromkeys(SERVER_BUSY, f"{text}: the broker is starting or overloaded"),
        **dict.fromkeys(SERVER_MOVED, f"{text}: the broker has moved, change mqtt.host"),
    }
    return described.get(number, text)


def limits_in_words(limits: Mapping[str, int]) -> dict[str, str]:
    """Return what the broker cannot do, and what follows: sentences by the names of MQTT 5."""
    words = {}
    if limits.get("RetainAvailable", 1) == 0:
        words["RetainAvailable"] = (
            "the broker keeps no retained messages: after a restart of Home Assistant values are "
            "missing until they change; allow them in the broker (Mosquitto: retain_available true)"
        )
    if limits.get("MaximumQoS", 2) == 0:
        words["MaximumQoS"] = (
            "the broker only takes QoS 0: a message that is lost on its way is not sent again; "
            "allow QoS 1 in the broker (Mosquitto: max_qos 1)"
        )
    if limits.get("WildcardSubscriptionAvailable", 1) == 0:
        words["WildcardSubscriptionAvailable"] = (
            "the broker allows no wildcards in subscriptions: no command can arrive; "
            "allow them in the broker"
        )
    return words
