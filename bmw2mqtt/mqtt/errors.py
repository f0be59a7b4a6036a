"""Errors of the broker and its connection in plain English, with the setting to change."""

import ssl
from collections.abc import Mapping

import aiomqtt

from bmw2mqtt.config import Mqtt
from bmw2mqtt.mqtt.packets import ProtocolError, TlsExpectedError
from bmw2mqtt.mqtt.transport import TlsError
from bmw2mqtt.mqtt_reason import MqttReason, reason_number
from bmw2mqtt.vehicle.errors import Bmw2MqttError

_LOST = "the connection was lost"
_NOT_TLS = ("WRONG_VERSION", "EOF", "RESET", "RECORD_LAYER", "HANDSHAKE")
_BAD_LOGIN = frozenset(
    {
        MqttReason.V3_BAD_LOGIN,
        MqttReason.V3_NOT_AUTHORIZED,
        MqttReason.BAD_LOGIN,
        MqttReason.NOT_AUTHORIZED,
    }
)
_NOT_ABOUT_A_MESSAGE = frozenset(
    {
        MqttReason.V3_SERVER_UNAVAILABLE,
        MqttReason.SERVER_UNAVAILABLE,
        MqttReason.SERVER_BUSY,
        MqttReason.SERVER_SHUTTING_DOWN,
        MqttReason.KEEP_ALIVE_TIMEOUT,
        MqttReason.SESSION_TAKEN_OVER,
        MqttReason.ADMINISTRATIVE_ACTION,
        MqttReason.USE_ANOTHER_SERVER,
        MqttReason.SERVER_MOVED,
    }
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
    cause = getattr(error, "__cause__", None)
    if isinstance(cause, TlsError | ssl.SSLError):
        return _describe_tls(error)
    if isinstance(cause, OSError) and not isinstance(cause, TimeoutError):
        return f"{error}: check that the broker is running, and mqtt.host and mqtt.port"
    if isinstance(error, ProtocolError):
        return f"{error}: is mqtt.port the port of an MQTT broker?"
    number = reason_number(error)
    if number is not None:
        return _describe_code(error, number, settings)
    return str(error or "connection lost")


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
    if any(word in upper for word in _NOT_TLS):
        return (
            "this port of the broker does not speak TLS: "
            "set mqtt.tls.enabled: false, or another mqtt.port (often 8883)"
        )
    return f"TLS failed ({text}): check mqtt.tls and mqtt.port"


def _describe_code(error: BaseException | None, number: int, settings: Mqtt | None) -> str:
    remedy = _remedies(settings).get(number)
    if number in _BAD_LOGIN:
        return f"the broker refuses the user name or the password: {remedy}"
    if number in {MqttReason.PAHO_CONNECTION_LOST, MqttReason.UNSPECIFIED}:
        return _LOST
    return f"{error}: {remedy}" if remedy else str(error)


def _remedies(settings: Mqtt | None) -> dict[int, str]:
    """Return what to do, by reason code."""
    name = f"the client id {settings.client_id}" if settings else "the client id"
    login = "check mqtt.username and mqtt.password"
    version = 'the broker does not speak this version, set mqtt.protocol to "3.1.1"'
    client_id = f"the broker refuses {name}, set another mqtt.client_id"
    busy = "the broker is starting or overloaded"
    moved = "the broker has moved, change mqtt.host"
    return {
        MqttReason.V3_VERSION_REFUSED: version,
        MqttReason.VERSION_REFUSED: version,
        MqttReason.V3_CLIENT_ID_REFUSED: client_id,
        MqttReason.CLIENT_ID_REFUSED: client_id,
        MqttReason.V3_BAD_LOGIN: login,
        MqttReason.V3_NOT_AUTHORIZED: login,
        MqttReason.BAD_LOGIN: login,
        MqttReason.NOT_AUTHORIZED: login,
        MqttReason.V3_SERVER_UNAVAILABLE: busy,
        MqttReason.SERVER_UNAVAILABLE: busy,
        MqttReason.SERVER_BUSY: busy,
        MqttReason.BANNED: "the broker has banned this client or user; see the broker's log",
        MqttReason.SESSION_TAKEN_OVER: "another client uses the same mqtt.client_id",
        MqttReason.PACKET_TOO_LARGE: "raise the broker's maximum packet size",
        MqttReason.QUOTA_EXCEEDED: "raise the broker's limit for this client",
        MqttReason.RETAIN_REFUSED: "allow retained messages in the broker (retain_available)",
        MqttReason.QOS_REFUSED: "allow QoS 1 in the broker (max_qos)",
        MqttReason.USE_ANOTHER_SERVER: moved,
        MqttReason.SERVER_MOVED: moved,
    }


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
